package io.argosy.client.codec;

import io.argosy.client.ArgosyException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Which codec is for a value, and which for a format: those of docs/formats.md, and those a program adds. */
public final class Codecs {
    private static final String NEUTRAL = "save a numpy array (npy), a pandas DataFrame (parquet), lists and dicts of "
            + "plain values (json), or a file by pathlib.Path (file), for example the model as ONNX";

    private final List<Own<?>> own;
    private final JsonCodec json = new JsonCodec(this);
    private final TextCodec text = new TextCodec();
    private final BytesCodec bytes = new BytesCodec();
    private final NpyCodec npy = new NpyCodec();
    private final FileCodec file = new FileCodec();
    private final DirectoryCodec directory = new DirectoryCodec(this);

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
        if (value instanceof String string) {
            found = SurrogateText.isLone(string) ? json : text;
        } else if (value instanceof byte[]) {
            found = bytes;
        } else if (value instanceof NpyArray) {
            found = npy;
        } else if (value instanceof Table) {
            found = parquet();
        } else if (value instanceof Path path) {
            found = Files.isDirectory(path) ? directory : file;
        }
        return (Codec<Object>) found;
    }

    /**
     * Returns the codec that reads and writes a format.
     *
     * @throws ArgosyException.UnsupportedFormat there is none; the message tells how a neutral one is published
     */
    public Codec<?> forFormat(String format) {
        Optional<? extends Codec<?>> mine = own.stream()
                .map(Own::codec)
                .filter(codec -> codec.format().equals(format))
                .findFirst();
        if (mine.isPresent()) {
            return mine.get();
        }
        List<Codec<?>> builtIn = new ArrayList<>(List.of(json, text, bytes, npy, file, directory));
        for (Codec<?> codec : builtIn) {
            if (codec.format().equals(format)) {
                return codec;
            }
        }
        if (format.equals("parquet")) {
            return parquet();
        }
        throw unsupported(format);
    }

    private static Codec<Table> parquet() {
        try {
            Class.forName("org.apache.parquet.hadoop.ParquetFileReader", false, Codecs.class.getClassLoader());
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
                    default -> "this client knows no format '" + format + "'; give a codec of yours to "
                            + "builder.codec(...), or in Python " + NEUTRAL;
                });
    }
}
