package io.argosy.client.codec;

import io.argosy.client.ArgosyException;
import io.argosy.client.ByteSource;
import java.util.ArrayList;
import java.util.List;

/**
 * Format {@code json}: what JSON can say, and the escapes of docs/formats.md.
 *
 * <table>
 * <caption>Values</caption>
 * <tr><td>null, true and false</td><td>{@code null}, {@link Boolean}</td></tr>
 * <tr><td>integer</td><td>{@link Long}, beyond 64 bits {@link java.math.BigInteger}</td></tr>
 * <tr><td>float</td><td>{@link Double}</td></tr>
 * <tr><td>text</td><td>{@link String}</td></tr>
 * <tr><td>array, object</td><td>{@link List}, {@link java.util.Map} in order</td></tr>
 * <tr><td>{@code $bytes}, {@code $set}</td><td>{@code byte[]}, {@link java.util.Set}</td></tr>
 * <tr><td>{@code $decimal}, {@code $uuid}</td><td>{@link java.math.BigDecimal}, {@link java.util.UUID}</td></tr>
 * <tr><td>{@code $datetime}</td><td>{@link java.time.OffsetDateTime} or {@link java.time.LocalDateTime}</td></tr>
 * <tr><td>{@code $date}, {@code $time}</td><td>{@link java.time.LocalDate}, {@link java.time.LocalTime}</td></tr>
 * <tr><td>{@code $timedelta}</td><td>{@link java.time.Duration}</td></tr>
 * <tr><td>a part of another format</td><td>what its codec makes of it</td></tr>
 * <tr><td>any other escape</td><td>{@link Tagged}</td></tr>
 * </table>
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
        byte[] document = new JsonWriter(codecs, files).write(value);
        files.add(0, new NewFile(DOCUMENT, ByteSource.of(document)));
        return files;
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
        return new JsonReader(codecs, files).read(files.readOnly("json", DOCUMENT));
    }
}
