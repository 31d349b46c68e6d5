package io.argosy.client;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/** Bytes that do something, once, when they have been read up to a place for the second time: the first is hashing. */
final class WatchedSource implements ByteSource {
    private final ByteSource bytes;
    private final long place;
    private final Runnable action;
    private int opened;
    private boolean isDone;
    long sent;

    WatchedSource(byte[] content, long place, Runnable action) {
        this.bytes = ByteSource.of(content);
        this.place = place;
        this.action = action;
    }

    @Override
    public long size() {
        return bytes.size();
    }

    @Override
    public InputStream open(long offset) throws IOException {
        boolean isHashing = opened++ == 0;
        return new FilterInputStream(bytes.open(offset)) {
            private long position = offset;

            @Override
            public int read(byte[] target, int at, int length) throws IOException {
                int count = super.read(target, at, length);
                if (count > 0 && !isHashing) {
                    position += count;
                    sent += count;
                    if (position >= place && !isDone) {
                        isDone = true;
                        action.run();
                    }
                }
                return count;
            }
        };
    }
}
