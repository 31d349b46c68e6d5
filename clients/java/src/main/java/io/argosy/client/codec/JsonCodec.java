package io.argosy.client.codec;

import io.argosy.client.ArgosyException;
import io.argosy.client.ByteSource;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Format {@code json}: what JSON can say, and the escapes of docs/formats.md.
 *
 * <p>Objects are maps, in order, and arrays lists. Escapes are {@code byte[]}, {@link java.util.Set},
 * {@link java.math.BigInteger}, {@link java.math.BigDecimal}, {@link java.util.UUID} and the types of {@code java.time};
 * parts of other formats are what their codecs make of them; other escapes are {@link Tagged}.
 *
 * <p>Integers and floats stay what they are: {@code 1L} is written as {@code 1}, {@code 1.0} as {@code 1.0}.
 */
public final class JsonCodec implements Codec<Object> {
    private static final String DOCUMENT = "data.json";
    private static final String STATE = "state.json";

    private final Codecs codecs;

    JsonCodec(Codecs codecs) {
        this.codecs = codecs;
    }

    @Override
    public String format() {
        return "json";
    }

    @Override
    public List<NewFile> encode(Object value) {
        List<NewFile> files = new ArrayList<>();
        files.add(0, new NewFile(DOCUMENT, document(new JsonLowering(codecs, files).lower(value))));
        return files;
    }

    static ByteSource document(Object tree) {
        return ByteSource.of(JsonText.write(tree).getBytes(StandardCharsets.UTF_8));
    }

    /**
     * {@inheritDoc}
     *
     * <p>Of a Python dataclass or pydantic model, the plain object of its fields.
     */
    @Override
    public Object decode(StoredFiles files) {
        if (files.paths().contains(STATE)) {
            throw ArgosyException.unsupported(
                    "the value is a Python object with more than its fields (state.json), which only Python makes again; "
                            + "let the producer save a dict of what you need");
        }
        return new JsonEscapes(codecs, files).raise(JsonText.read(files.readOnly("json", DOCUMENT)));
    }
}
