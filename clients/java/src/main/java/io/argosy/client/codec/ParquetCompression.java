package io.argosy.client.codec;

import com.github.luben.zstd.Zstd;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.zip.GZIPInputStream;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.compression.CompressionCodecFactory;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.xerial.snappy.Snappy;

/** Compresses pages without the codecs of Hadoop, which need most of Hadoop. */
final class ParquetCompression implements CompressionCodecFactory {
    @Override
    public BytesInputCompressor getCompressor(CompressionCodecName codec) {
        if (codec != CompressionCodecName.SNAPPY) {
            throw new IllegalArgumentException("pages are written with snappy, not " + codec);
        }
        return new BytesInputCompressor() {
            @Override
            public BytesInput compress(BytesInput bytes) throws IOException {
                return BytesInput.from(Snappy.compress(bytes.toByteArray()));
            }

            @Override
            public CompressionCodecName getCodecName() {
                return codec;
            }

            @Override
            public void release() {}
        };
    }

    @Override
    public BytesInputDecompressor getDecompressor(CompressionCodecName codec) {
        return new BytesInputDecompressor() {
            @Override
            public BytesInput decompress(BytesInput bytes, int size) throws IOException {
                return BytesInput.from(plain(codec, bytes.toByteArray(), size));
            }

            @Override
            public void decompress(ByteBuffer from, int fromSize, ByteBuffer to, int toSize) throws IOException {
                byte[] bytes = new byte[fromSize];
                from.get(bytes);
                to.put(plain(codec, bytes, toSize));
            }

            @Override
            public void release() {}
        };
    }

    private static byte[] plain(CompressionCodecName codec, byte[] bytes, int size) throws IOException {
        return switch (codec) {
            case UNCOMPRESSED -> bytes;
            case SNAPPY -> Snappy.uncompress(bytes);
            case ZSTD -> Zstd.decompress(bytes, size);
            case GZIP -> new GZIPInputStream(new ByteArrayInputStream(bytes)).readAllBytes();
            default -> throw new IOException("its pages are compressed by " + codec
                    + ", which is none of snappy, zstd and gzip");
        };
    }

    @Override
    public void release() {}
}
