package io.argosy.client;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import java.io.IOException;
import java.io.InputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Bytes that can be read again from any place, so that an upload that broke goes on where it was.
 *
 * <p>An {@link InputStream} cannot; an upload of one keeps what it brings in a temporary file first.
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
        return of(UnsafeByteOperations.unsafeWrap(content));
    }

    /** Returns the bytes of a {@link ByteString}, which may be made of several buffers. */
    static ByteSource of(ByteString content) {
        return new ByteSource() {
            @Override
            public long size() {
                return content.size();
            }

            @Override
            public InputStream open(long offset) {
                return content.substring(Math.toIntExact(offset)).newInput();
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
                return Channels.newInputStream(FileChannel.open(file).position(offset));
            }

            @Override
            public String toString() {
                return file.toString();
            }
        };
    }
}
