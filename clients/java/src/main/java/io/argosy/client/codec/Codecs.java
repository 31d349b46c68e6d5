package io.argosy.client.codec;

import io.argosy.client.ArgosyException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** Which codec is for a value, and which for a format: those of docs/formats.md, and those a program adds. */
public final class Codecs {
    private static final String NEUTRAL = "save a numpy array (npy), a pandas DataFrame (parquet), lists and dicts of "
            + "plain values (json), or a file by pathlib.Path (file), for example the model as ONNX";

    /** A class of each jar that parquet needs. */
    private static final List<String> OF_PARQUET = List.of(
            "org.apache.parquet.hadoop.ParquetFileReader",
            "org.apache.hadoop.conf.Configuration",
            "org.apache.hadoop.mapreduce.lib.input.FileInputFormat");

    private final List<Own<?>> own;
    private final JsonCodec json = new JsonCodec(this);
    private final FileCodec file = new FileCodec();
    private final DirectoryCodec directory = new DirectoryCodec();

    /**
     * A codec of a program's own.
     *
     * @param type the class of the values, subclasses included
     */
    public record Own<T>(Class<T> type, Codec<T> codec) {}

    /**
     * @param own asked before those that are built in
     */
    public Codecs(List<Own<?>> own) {
        this.own = List.copyOf(own);
    }

    /** Returns the codec of format {@code json}. */
    public JsonCodec json() {
        return json;
    }

    /** Returns the codec of format {@code directory}. */
    public DirectoryCodec directory() {
        return directory;
    }

    /**
     * Returns the codec that keeps a value.
     *
     * @throws ArgosyException.UnsupportedFormat there is none; the message tells the cure
     */
    @SuppressWarnings("unchecked") // Each codec is returned for values of its own type only.
    public Codec<Object> forValue(Object value) {
        for (Own<?> mine : own) {
            if (mine.type().isInstance(value)) {
                return (Codec<Object>) mine.codec();
            }
        }
        Codec<?> found = json;
        if (value instanceof String) {
            found = OneFile.TEXT;
        } else if (value instanceof byte[]) {
            found = OneFile.BYTES;
        } else if (value instanceof NpyArray) {
            found = OneFile.NPY;
        } else if (value instanceof Table) {
            found = parquet();
        } else if (value instanceof Path path) {
            found = Files.isDirectory(path) ? directory : file;
        }
        return (Codec<Object>) found;
    }

    /** Tells whether a value inside of others has files of its own, also when it is a collection or a number. */
    boolean isPart(Object value) {
        return value instanceof Path
                || own.stream().anyMatch(
                        mine -> mine.type().isInstance(value) && !mine.codec().format().equals("json"));
    }

    /**
     * Returns the codec that reads and writes a format.
     *
     * @throws ArgosyException.UnsupportedFormat there is none; the message tells how a neutral one is published
     */
    public Codec<?> forFormat(String format) {
        Stream<Codec<?>> builtIn = Stream.of(json, OneFile.TEXT, OneFile.BYTES, OneFile.NPY, file, directory);
        return Stream.concat(own.stream().map(Own::codec), builtIn)
                .filter(codec -> codec.format().equals(format))
                .findFirst()
                .orElseGet(() -> {
                    if (format.equals("parquet")) {
                        return parquet();
                    }
                    throw unsupported(format);
                });
    }

    private static Codec<Table> parquet() {
        try {
            for (String name : OF_PARQUET) {
                Class.forName(name, false, Codecs.class.getClassLoader());
            }
        } catch (ClassNotFoundException leftOut) {
            throw ArgosyException.unsupported("the format 'parquet' needs org.apache.parquet:parquet-hadoop and two jars "
                    + "of Hadoop, which are optional dependencies of the client; its README says which to add");
        }
        return new ParquetCodec();
    }

    private static ArgosyException unsupported(String format) {
        return ArgosyException.unsupported(
                switch (format) {
                    case "cloudpickle", "skops" -> "the format '" + format + "' can be read by Python only; there, "
                            + NEUTRAL;
                    case "reference" -> "the format 'reference' tells where bytes lie, and this client follows no such "
                            + "places; in Python, load the artifact and save the path it gives";
                    default -> "this client makes no value of the format '" + format + "'; read its files with open or "
                            + "download, give a codec of yours to builder.codec(...), or in Python " + NEUTRAL;
                });
    }
}
