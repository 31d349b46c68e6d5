package io.argosy.client.codec;

import java.util.List;

/**
 * Turns values into files of a documented format and back.
 *
 * <p>Give one of your own to {@code ArgosyClient.builder().codec(...)}.
 *
 * @param <T> the type of the values
 */
public interface Codec<T> {
    /** Returns the name of the format, as docs/formats.md or you define it: {@code "npy"}. */
    String format();

    /**
     * Returns the files of a value, at least one.
     *
     * @throws io.argosy.client.ArgosyException.MalformedContent the format cannot keep the value exactly
     * @throws java.io.UncheckedIOException a file of the value cannot be read
     */
    List<NewFile> encode(T value);

    /**
     * Returns the value that files hold.
     *
     * @throws io.argosy.client.ArgosyException.MalformedContent they do not obey the format
     * @throws io.argosy.client.ArgosyException they cannot be read, or are damaged
     */
    T decode(StoredFiles files);
}
