package io.argosy.client.codec;

import io.argosy.client.ArgosyException;
import io.argosy.client.ByteSource;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Function;

/** A format that is one file, always of the same name. */
record OneFile<T>(String format, String file, Function<T, ByteSource> encoder, Function<byte[], T> decoder)
        implements Codec<T> {
    static final OneFile<byte[]> BYTES =
            new OneFile<>("bytes", "data.bin", content -> ByteSource.of(content), content -> content);
    static final OneFile<String> TEXT = new OneFile<>("text", "data.txt", OneFile::utf8, OneFile::text);
    static final OneFile<NpyArray> NPY = new OneFile<>("npy", "data.npy", NpyFile::encode, NpyFile::decode);

    @Override
    public List<NewFile> encode(T value) {
        return List.of(new NewFile(file, encoder.apply(value)));
    }

    @Override
    public T decode(StoredFiles files) {
        return decoder.apply(files.readOnly(format, file));
    }

    private static ByteSource utf8(String text) {
        if (!FileNames.isUnicode(text)) {
            throw ArgosyException.malformed(
                    "the text has a surrogate without its other half, which UTF-8 cannot say; leave it out", null);
        }
        return ByteSource.of(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String text(byte[] content) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(content)).toString();
        } catch (CharacterCodingException notText) {
            throw ArgosyException.malformed(
                    "data.txt is not UTF-8, which format 'text' is; save it as bytes", notText);
        }
    }
}
