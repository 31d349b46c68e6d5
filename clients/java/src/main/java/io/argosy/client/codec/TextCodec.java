package io.argosy.client.codec;

import io.argosy.client.ArgosyException;
import io.argosy.client.ByteSource;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Format {@code text}: UTF-8, as it is. */
final class TextCodec implements Codec<String> {
    private static final String FILE = "data.txt";

    @Override
    public String format() {
        return "text";
    }

    @Override
    public List<NewFile> encode(String value) {
        if (SurrogateText.isLone(value)) {
            throw ArgosyException.malformed(
                    "the text has a surrogate without its other half, which UTF-8 cannot say; save it as json", null);
        }
        return List.of(new NewFile(FILE, ByteSource.of(value.getBytes(StandardCharsets.UTF_8))));
    }

    @Override
    public String decode(StoredFiles files) {
        byte[] content = files.readOnly("text", FILE);
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(content)).toString();
        } catch (CharacterCodingException notText) {
            throw ArgosyException.malformed(FILE + " is not UTF-8, which format 'text' is; save it as bytes", notText);
        }
    }
}
