package io.argosy.client.codec;

import io.argosy.client.ByteSource;
import java.nio.ByteBuffer;
import java.util.List;

/** Format {@code npy}: NumPy's own. Pickled objects are neither written nor read. */
final class NpyCodec implements Codec<NpyArray> {
    private static final String FILE = "data.npy";

    @Override
    public String format() {
        return "npy";
    }

    @Override
    public List<NewFile> encode(NpyArray value) {
        byte[] header = NpyHeader.bytes(value.dtype(), value.isFortran(), value.shape());
        return List.of(new NewFile(FILE, ByteSource.concat(header, value.data())));
    }

    @Override
    public NpyArray decode(StoredFiles files) {
        byte[] content = files.readOnly("npy", FILE);
        NpyHeader header = NpyHeader.parse(content);
        ByteBuffer data = ByteBuffer.wrap(content, header.length(), content.length - header.length());
        long[] shape = header.shape().stream().mapToLong(Long::longValue).toArray();
        return NpyArray.of(header.dtype(), shape, header.isFortran(), data);
    }
}
