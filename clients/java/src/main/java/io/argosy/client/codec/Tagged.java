package io.argosy.client.codec;

import java.util.Objects;

/**
 * A value of another language that Java has no equal of, such as a tuple: kept as it is, so that saving it again gives
 * the same.
 *
 * @param tag the name of the escape in docs/formats.md: {@code "$tuple"}
 * @param payload what the escape holds, itself made of the values of {@link JsonCodec}
 */
public record Tagged(String tag, Object payload) {
    public Tagged {
        Objects.requireNonNull(tag, "tag");
    }
}
