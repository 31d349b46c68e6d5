package io.argosy.client.codec;

import java.io.ByteArrayOutputStream;

/** Text with lone surrogates as bytes: UTF-8, but that each lone surrogate takes three bytes. */
final class SurrogateText {
    private SurrogateText() {}

    /** Tells whether text has a surrogate without its other half, so that UTF-8 cannot say it. */
    static boolean isLone(String text) {
        return text.codePoints().anyMatch(point -> point >= 0xd800 && point <= 0xdfff);
    }

    static byte[] encode(String text) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        text.codePoints().forEach(point -> {
            if (point < 0x80) {
                bytes.write(point);
            } else if (point < 0x800) {
                bytes.write(0xc0 | point >> 6);
                bytes.write(0x80 | point & 0x3f);
            } else {
                if (point < 0x1_0000) {
                    bytes.write(0xe0 | point >> 12);
                } else {
                    bytes.write(0xf0 | point >> 18);
                    bytes.write(0x80 | point >> 12 & 0x3f);
                }
                bytes.write(0x80 | point >> 6 & 0x3f);
                bytes.write(0x80 | point & 0x3f);
            }
        });
        return bytes.toByteArray();
    }

    /**
     * @throws IllegalArgumentException the bytes are cut in the middle of a character, or none
     */
    static String decode(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        int at = 0;
        while (at < bytes.length) {
            int first = bytes[at] & 0xff;
            int length = first < 0x80 ? 1 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
            if (first >= 0x80 && first < 0xc0 || at + length > bytes.length) {
                throw new IllegalArgumentException("its bytes are no text");
            }
            int point = length == 1 ? first : first & (0x7f >> length);
            for (int i = 1; i < length; i++) {
                point = point << 6 | bytes[at + i] & 0x3f;
            }
            text.appendCodePoint(point);
            at += length;
        }
        return text.toString();
    }
}
