package io.argosy.client;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Bytes that can be read again from any place, so that an upload that broke goes on where it was.
 *
 * <p>An {@link InputStream} cannot; {@link ArgosyClient#upload(String, InputStream, SaveOptions)} keeps what it brings
 * in a temporary file first.
 */
public interface ByteSource {
    /** Returns the number of bytes. */
    long size();

    /**
     * Opens the bytes from a place on.
     *
     * @param offset from 0 to {@link #size()}
     * @throws IOException they cannot be read
     */
    InputStream open(long offset) throws IOException;

    /** Returns the bytes of an array, which must not be changed meanwhile. */
    static ByteSource of(byte[] content) {
        return of(ByteBuffer.wrap(content));
    }

    /** Returns the remaining bytes of a buffer, which must not be changed meanwhile. */
    static ByteSource of(ByteBuffer content) {
        ByteBuffer bytes = content.slice().asReadOnlyBuffer();
        return new ByteSource() {
            @Override
            public long size() {
                return bytes.capacity();
            }

            @Override
            public InputStream open(long offset) {
                return new BufferInputStream(bytes.duplicate().position(Math.toIntExact(offset)));
            }
        };
    }

    /**
     * Returns the bytes of a file, which must not be changed meanwhile.
     *
     * @throws IOException it is no regular file, or cannot be looked at
     */
    static ByteSource of(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new IOException(file + " is no regular file; name one that exists");
        }
        long size = Files.size(file);
        return new ByteSource() {
            @Override
            public long size() {
                return size;
            }

            @Override
            public InputStream open(long offset) throws IOException {
                FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
                return Channels.newInputStream(channel.position(offset));
            }

            @Override
            public String toString() {
                return file.toString();
            }
        };
    }

    /** Returns the bytes of an array, then those of a buffer. */
    static ByteSource concat(byte[] head, ByteBuffer tail) {
        ByteSource rest = of(tail);
        return new ByteSource() {
            @Override
            public long size() {
                return head.length + rest.size();
            }

            @Override
            public InputStream open(long offset) throws IOException {
                if (offset >= head.length) {
                    return rest.open(offset - head.length);
                }
                int start = (int) offset;
                return new java.io.SequenceInputStream(
                        new ByteArrayInputStream(head, start, head.length - start), rest.open(0));
            }
        };
    }
}
