package io.argosy.client;

import com.google.protobuf.ByteString;
import java.io.IOException;
import java.io.InputStream;
import java.util.HexFormat;
import java.util.regex.Pattern;
import org.bouncycastle.crypto.digests.Blake3Digest;

/** BLAKE3-256 of bytes, as Argosy writes it: {@code blake3:} and 64 lower-case hex digits. */
final class ContentHash {
    private static final Pattern DIGEST = Pattern.compile("blake3:[0-9a-f]{64}");
    private static final int PIECE_BYTES = 64 << 10; // of the cache of a core

    private final Blake3Digest state = new Blake3Digest(256);
    private final byte[] piece;

    /**
     * @param size of all that will be hashed, which bounds the memory it takes
     */
    ContentHash(long size) {
        piece = new byte[(int) Math.max(1, Math.min(PIECE_BYTES, size))];
    }

    /** Tells whether a text is a digest. */
    static boolean isDigest(String text) {
        return DIGEST.matcher(text).matches();
    }

    static String of(ByteString content) {
        ContentHash hash = new ContentHash(content.size());
        hash.update(content);
        return hash.digest();
    }

    /**
     * Returns the digest of what a source holds, read once from its beginning.
     *
     * @throws IOException it cannot be read, or does not have its size
     */
    static String of(ByteSource source) throws IOException {
        ContentHash hash = new ContentHash(source.size());
        long size = 0;
        try (InputStream stream = source.open(0)) {
            for (int count = stream.read(hash.piece); count >= 0; count = stream.read(hash.piece)) {
                Patience.check();
                hash.state.update(hash.piece, 0, count);
                size += count;
            }
        }
        if (size != source.size()) {
            throw new IOException("it has " + size + " bytes, not the " + source.size()
                    + " it had; save a file that nobody writes to");
        }
        return hash.digest();
    }

    void update(ByteString content) {
        for (int at = 0; at < content.size(); at += piece.length) {
            int count = Math.min(piece.length, content.size() - at);
            content.copyTo(piece, at, 0, count);
            state.update(piece, 0, count);
        }
    }

    /** Returns the digest of all so far; the hash is as new afterwards. */
    String digest() {
        byte[] digest = new byte[32];
        state.doFinal(digest, 0);
        return "blake3:" + HexFormat.of().formatHex(digest);
    }
}
