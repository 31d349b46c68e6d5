package io.argosy.client.codec;

import io.argosy.client.ArgosyException;
import io.argosy.client.ByteSource;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroup;
import org.apache.parquet.example.data.simple.convert.GroupRecordConverter;
import org.apache.parquet.format.FileMetaData;
import org.apache.parquet.format.SchemaElement;
import org.apache.parquet.format.Util;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.ParquetFileWriter;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.LocalInputFile;
import org.apache.parquet.io.LocalOutputFile;
import org.apache.parquet.io.RecordReader;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Type;
import org.apache.parquet.schema.Types;

/** Format {@code parquet}, by parquet-java, which is an optional dependency. Columns of lists or structures are refused. */
final class ParquetCodec implements Codec<Table> {
    private static final String FILE = "data.parquet";
    private static final String WRITER = "writer.model.name";
    /** By these pandas is made again; they tell of the very bytes they came with. */
    private static final Set<String> OF_PANDAS = Set.of("argosy", "pandas");

    private static final String ARROW = "ARROW:schema";
    private static final byte[] MAGIC = {'P', 'A', 'R', '1'};
    private static final Map<Class<?>, PrimitiveTypeName> TYPES = Map.of(
            Boolean.class, PrimitiveTypeName.BOOLEAN,
            Integer.class, PrimitiveTypeName.INT32,
            Long.class, PrimitiveTypeName.INT64,
            Float.class, PrimitiveTypeName.FLOAT,
            Double.class, PrimitiveTypeName.DOUBLE,
            String.class, PrimitiveTypeName.BINARY,
            byte[].class, PrimitiveTypeName.BINARY);

    @Override
    public String format() {
        return "parquet";
    }

    @Override
    public Table decode(StoredFiles files) {
        if (!files.paths().contains(FILE)) {
            files.readOnly("parquet", FILE);
        }
        Path copy = files.temporaryDirectory().resolve(FILE);
        files.copy(Map.of(FILE, copy));
        try {
            return decode(copy);
        } finally {
            copy.toFile().delete();
        }
    }

    private static Table decode(Path copy) {
        ParquetReadOptions options = ParquetReadOptions.builder(new PlainParquetConfiguration())
                .withCodecFactory(new ParquetCompression())
                .build();
        try {
            FileMetaData footer = footerAlone(copy);
            if (footer != null && footer.getSchemaSize() == 1) {
                return new Table(List.of(), Map.of());
            }
            return decode(copy, options);
        } catch (ArgosyException known) {
            throw known;
        } catch (IOException | RuntimeException broken) {
            throw ArgosyException.malformed(
                    FILE + " is not a parquet file this client reads: " + broken.getMessage()
                            + "; save the table again",
                    broken);
        }
    }

    /** Returns the footer of a file that is nothing else, or null: parquet-java fails on row groups without columns. */
    private static FileMetaData footerAlone(Path file) throws IOException {
        ByteBuffer end = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
        try (FileChannel content = FileChannel.open(file)) {
            long size = content.size();
            content.read(end, Math.max(0, size - 4 - MAGIC.length));
            if (end.hasRemaining() || end.getInt(0) != size - 4 - 2 * MAGIC.length) {
                return null;
            }
            return Util.readFileMetaData(Channels.newInputStream(content.position(MAGIC.length)));
        }
    }

    private static Table decode(Path copy, ParquetReadOptions options) throws IOException {
        try (ParquetFileReader reader = ParquetFileReader.open(new LocalInputFile(copy), options)) {
            MessageType schema = reader.getFileMetaData().getSchema();
            List<List<Object>> columns = read(reader, schema);
            List<Table.Column> made = new ArrayList<>();
            for (int i = 0; i < columns.size(); i++) {
                Type type = schema.getType(i);
                made.add(new Table.Column(type.getName(), columns.get(i), type));
            }
            Map<String, String> metadata = new HashMap<>(reader.getFileMetaData().getKeyValueMetaData());
            metadata.remove(WRITER); // The next writer names itself.
            if (metadata.keySet().removeAll(OF_PANDAS)) {
                metadata.remove(ARROW); // It repeats them.
            }
            return new Table(made, metadata);
        }
    }

    private static List<List<Object>> read(ParquetFileReader reader, MessageType schema) throws IOException {
        List<List<Object>> columns = new ArrayList<>();
        for (Type type : schema.getFields()) {
            boolean isPlain = type.isPrimitive()
                    && !type.isRepetition(Type.Repetition.REPEATED)
                    && type.asPrimitiveType().getPrimitiveTypeName() != PrimitiveTypeName.INT96;
            if (!isPlain) {
                throw ArgosyException.unsupported("column " + type.getName() + " of the parquet file is a list, a "
                        + "structure or an INT96, which the Java client does not read; save plain columns");
            }
            columns.add(new ArrayList<>());
        }
        var shape = new ColumnIOFactory().getColumnIO(schema);
        for (PageReadStore rows = reader.readNextRowGroup(); rows != null; rows = reader.readNextRowGroup()) {
            RecordReader<Group> records = shape.getRecordReader(rows, new GroupRecordConverter(schema));
            for (long row = 0; row < rows.getRowCount(); row++) {
                Group group = records.read();
                for (int i = 0; i < columns.size(); i++) {
                    boolean isMissing = group.getFieldRepetitionCount(i) == 0;
                    columns.get(i).add(isMissing ? null : value(group, i, schema.getType(i).asPrimitiveType()));
                }
            }
        }
        return columns;
    }

    private static Object value(Group group, int field, PrimitiveType type) {
        return switch (type.getPrimitiveTypeName()) {
            case BOOLEAN -> group.getBoolean(field, 0);
            case INT32 -> isUnsigned32(type)
                    ? (Object) Integer.toUnsignedLong(group.getInteger(field, 0))
                    : (Object) group.getInteger(field, 0);
            case INT64 -> group.getLong(field, 0);
            case FLOAT -> group.getFloat(field, 0);
            case DOUBLE -> group.getDouble(field, 0);
            case BINARY, FIXED_LEN_BYTE_ARRAY, INT96 -> isText(type)
                    ? group.getBinary(field, 0).toStringUsingUTF8()
                    : group.getBinary(field, 0).getBytes();
        };
    }

    /** Tells whether values are beyond the range of an Integer, and therefore Long. */
    private static boolean isUnsigned32(PrimitiveType type) {
        return type.getLogicalTypeAnnotation() instanceof LogicalTypeAnnotation.IntLogicalTypeAnnotation integer
                && !integer.isSigned()
                && integer.getBitWidth() == 32;
    }

    private static boolean isText(PrimitiveType type) {
        LogicalTypeAnnotation annotation = type.getLogicalTypeAnnotation();
        return annotation instanceof LogicalTypeAnnotation.StringLogicalTypeAnnotation
                || annotation instanceof LogicalTypeAnnotation.EnumLogicalTypeAnnotation
                || annotation instanceof LogicalTypeAnnotation.JsonLogicalTypeAnnotation;
    }

    @Override
    public List<NewFile> encode(Table value) {
        requireNames(value.columnNames());
        List<Type> types = value.columns().stream().map(ParquetCodec::type).toList();
        MessageType schema = new MessageType("schema", types);
        try {
            Path file = Files.createTempFile("argosy-", ".parquet");
            try {
                if (types.isEmpty()) {
                    Files.write(file, withoutColumns());
                } else {
                    write(value, schema, file);
                }
                return List.of(new NewFile(FILE, ByteSource.of(Files.readAllBytes(file))));
            } finally {
                Files.delete(file);
            }
        } catch (IOException unwritable) {
            throw new UncheckedIOException(unwritable);
        }
    }

    private static void requireNames(List<String> names) {
        Set<String> taken = new HashSet<>();
        for (String name : names) {
            if (!FileNames.isUnicode(name) || !taken.add(name)) {
                throw ArgosyException.malformed("format 'parquet' cannot keep the column \"" + name + "\": its name is there "
                        + "twice, or has a surrogate without its other half; rename it", null);
            }
        }
    }

    private static void write(Table value, MessageType schema, Path file) throws IOException {
        try (ParquetWriter<Group> writer = ExampleParquetWriter.builder(new LocalOutputFile(file))
                .withType(schema)
                .withConf(new PlainParquetConfiguration())
                .withCodecFactory(new ParquetCompression())
                .withCompressionCodec(CompressionCodecName.SNAPPY)
                .withWriteMode(ParquetFileWriter.Mode.OVERWRITE)
                .withExtraMetaData(value.metadata())
                .build()) {
            for (int row = 0; row < value.rowCount(); row++) {
                Group group = new SimpleGroup(schema);
                for (int i = 0; i < schema.getFieldCount(); i++) {
                    add(group, i, value.columns().get(i).values().get(row));
                }
                writer.write(group);
            }
        }
    }

    /** Returns the file of a table without columns, which parquet-java reads and does not write. */
    private static byte[] withoutColumns() throws IOException {
        var file = new ByteArrayOutputStream();
        file.write(MAGIC);
        SchemaElement root = new SchemaElement("schema").setNum_children(0);
        Util.writeFileMetaData(new FileMetaData(1, List.of(root), 0, List.of()), file);
        int footer = file.size() - MAGIC.length;
        file.write(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(footer).array());
        file.write(MAGIC);
        return file.toByteArray();
    }

    private static Type type(Table.Column column) {
        if (column.parquetType() != null) {
            return (Type) column.parquetType();
        }
        Object first = column.values().stream().filter(Objects::nonNull).findFirst().orElse("");
        for (Object value : column.values()) {
            if (value != null && (value.getClass() != first.getClass() || !TYPES.containsKey(value.getClass()))) {
                throw refuse(column.name(), value);
            }
            if (value instanceof String text && !FileNames.isUnicode(text)) {
                throw ArgosyException.malformed("format 'parquet' cannot keep text in column " + column.name()
                        + " with a surrogate without its other half; leave it out", null);
            }
        }
        var type = Types.optional(TYPES.get(first.getClass()));
        return (first instanceof String ? type.as(LogicalTypeAnnotation.stringType()) : type).named(column.name());
    }

    private static void add(Group group, int field, Object value) {
        if (value instanceof Boolean flag) {
            group.add(field, flag);
        } else if (value instanceof Integer number) {
            group.add(field, number);
        } else if (value instanceof Long number && isUnsigned32(group.getType().getType(field).asPrimitiveType())) {
            group.add(field, number.intValue());
        } else if (value instanceof Long number) {
            group.add(field, number);
        } else if (value instanceof Float number) {
            group.add(field, number);
        } else if (value instanceof Double number) {
            group.add(field, number);
        } else if (value instanceof String text) {
            group.add(field, text);
        } else if (value instanceof byte[] bytes) {
            group.add(field, Binary.fromConstantByteArray(bytes));
        }
    }

    private static ArgosyException refuse(String column, Object value) {
        return ArgosyException.malformed(
                "format 'parquet' cannot keep a " + value.getClass().getName() + " in column " + column
                        + "; give all its values one type of Boolean, Integer, Long, Float, Double, String or byte[]",
                null);
    }
}
