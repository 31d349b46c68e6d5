package io.argosy.client.codec;

import io.argosy.client.ByteSource;
import java.util.List;

/** Format {@code bytes}: the bytes, as they are. */
final class BytesCodec implements Codec<byte[]> {
    static final String FILE = "data.bin";

    @Override
    public String format() {
        return "bytes";
    }

    @Override
    public List<NewFile> encode(byte[] value) {
        return List.of(new NewFile(FILE, ByteSource.of(value)));
    }

    @Override
    public byte[] decode(StoredFiles files) {
        return files.readOnly("bytes", FILE);
    }
}
