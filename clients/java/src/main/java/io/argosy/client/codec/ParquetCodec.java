package io.argosy.client.codec;

import io.argosy.client.ArgosyException;
import io.argosy.client.ByteSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.parquet.ParquetReadOptions;
import org.apache.parquet.column.page.PageReadStore;
import org.apache.parquet.conf.PlainParquetConfiguration;
import org.apache.parquet.example.data.Group;
import org.apache.parquet.example.data.simple.SimpleGroup;
import org.apache.parquet.example.data.simple.convert.GroupRecordConverter;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.example.ExampleParquetWriter;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.LocalInputFile;
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
    private static final String ARROW = "ARROW:schema";
    private static final String PANDAS = "argosy";

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
            return decode(copy, files.paths().size() > 1);
        } finally {
            remove(copy);
        }
    }

    private static Table decode(Path copy, boolean hasOtherFiles) {
        ParquetReadOptions options = ParquetReadOptions.builder(new PlainParquetConfiguration())
                .withCodecFactory(new ParquetCompression())
                .build();
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
            if (hasOtherFiles) {
                // They speak of files that a Table does not hold; the second repeats the first.
                metadata.keySet().removeAll(Set.of(PANDAS, ARROW));
            }
            return new Table(made, metadata);
        } catch (IOException | RuntimeException broken) {
            if (broken instanceof ArgosyException known) {
                throw known;
            }
            throw ArgosyException.malformed(
                    FILE + " is not a parquet file this client reads: " + broken.getMessage()
                            + "; save the table again",
                    broken);
        }
    }

    private static void remove(Path copy) {
        try {
            Files.delete(copy);
        } catch (IOException held) {
            throw new UncheckedIOException(held);
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
            case INT32 -> group.getInteger(field, 0);
            case INT64 -> group.getLong(field, 0);
            case FLOAT -> group.getFloat(field, 0);
            case DOUBLE -> group.getDouble(field, 0);
            case BINARY, FIXED_LEN_BYTE_ARRAY, INT96 -> isText(type)
                    ? group.getBinary(field, 0).toStringUsingUTF8()
                    : group.getBinary(field, 0).getBytes();
        };
    }

    private static boolean isText(PrimitiveType type) {
        LogicalTypeAnnotation annotation = type.getLogicalTypeAnnotation();
        return annotation instanceof LogicalTypeAnnotation.StringLogicalTypeAnnotation
                || annotation instanceof LogicalTypeAnnotation.EnumLogicalTypeAnnotation
                || annotation instanceof LogicalTypeAnnotation.JsonLogicalTypeAnnotation;
    }

    @Override
    public List<NewFile> encode(Table value) {
        List<Type> types = value.columns().stream().map(ParquetCodec::type).toList();
        MessageType schema = new MessageType("schema", types);
        MemoryOutputFile file = new MemoryOutputFile();
        try (ParquetWriter<Group> writer = ExampleParquetWriter.builder(file)
                .withType(schema)
                .withConf(new PlainParquetConfiguration())
                .withCodecFactory(new ParquetCompression())
                .withCompressionCodec(CompressionCodecName.SNAPPY)
                .withExtraMetaData(value.metadata())
                .build()) {
            for (int row = 0; row < value.rowCount(); row++) {
                Group group = new SimpleGroup(schema);
                for (int i = 0; i < types.size(); i++) {
                    add(group, i, value.columns().get(i).values.get(row));
                }
                writer.write(group);
            }
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        return List.of(new NewFile(FILE, ByteSource.of(file.content())));
    }

    private static Type type(Table.Column column) {
        if (column.parquetType != null) {
            return (Type) column.parquetType;
        }
        Object first = column.values.stream().filter(java.util.Objects::nonNull).findFirst().orElse("");
        for (Object value : column.values) {
            if (value != null && value.getClass() != first.getClass()) {
                throw refuse(column.name, value);
            }
        }
        if (first instanceof String) {
            return Types.optional(PrimitiveTypeName.BINARY)
                    .as(LogicalTypeAnnotation.stringType())
                    .named(column.name);
        }
        PrimitiveTypeName name;
        if (first instanceof Boolean) {
            name = PrimitiveTypeName.BOOLEAN;
        } else if (first instanceof Integer) {
            name = PrimitiveTypeName.INT32;
        } else if (first instanceof Long) {
            name = PrimitiveTypeName.INT64;
        } else if (first instanceof Float) {
            name = PrimitiveTypeName.FLOAT;
        } else if (first instanceof Double) {
            name = PrimitiveTypeName.DOUBLE;
        } else if (first instanceof byte[]) {
            name = PrimitiveTypeName.BINARY;
        } else {
            throw refuse(column.name, first);
        }
        return Types.optional(name).named(column.name);
    }

    private static void add(Group group, int field, Object value) {
        if (value instanceof Boolean flag) {
            group.add(field, flag);
        } else if (value instanceof Integer number) {
            group.add(field, number);
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
