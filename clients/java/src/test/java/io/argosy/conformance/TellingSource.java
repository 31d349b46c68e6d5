package io.argosy.conformance;

import io.argosy.client.ByteSource;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;

/** A file that says on standard error how far it was sent, about every 8 MiB. */
final class TellingSource implements ByteSource {
    private static final long STEP_BYTES = 8 << 20;

    private final ByteSource file;
    private boolean isHashed;

    TellingSource(Path file) throws IOException {
        this.file = ByteSource.of(file);
    }

    @Override
    public long size() {
        return file.size();
    }

    @Override
    public InputStream open(long offset) throws IOException {
        InputStream stream = file.open(offset);
        if (!isHashed) {
            isHashed = true;
            return stream;
        }
        return new FilterInputStream(stream) {
            private long position = offset;

            @Override
            public int read(byte[] target, int at, int length) throws IOException {
                int count = super.read(target, at, length);
                if (count > 0) {
                    tell(position, position + count);
                    position += count;
                }
                return count;
            }
        };
    }

    static void tell(long before, long now) {
        if (before / STEP_BYTES != now / STEP_BYTES) {
            System.err.println("{\"progress\": " + now + "}");
        }
    }
}
