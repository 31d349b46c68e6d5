package io.argosy.client.codec;

import io.argosy.client.ArgosyException;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What NumPy writes before the elements of an array.
 *
 * @param dtype the type of the elements as NumPy describes it: {@code "<f8"}
 * @param isFortran whether the first axis varies fastest
 * @param shape the length of each axis
 * @param length bytes of the header, after which the elements begin
 */
record NpyHeader(String dtype, boolean isFortran, List<Long> shape, int length) {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final int MOST_BYTES = 1 << 20;
    private static final int ALIGNMENT = 64;
    private static final String TEXT = "'([^']*)'|\"([^\"]*)\"";
    private static final Pattern DESCR = Pattern.compile("['\"]descr['\"]\\s*:\\s*(?:" + TEXT + ")");
    private static final Pattern ORDER = Pattern.compile("['\"]fortran_order['\"]\\s*:\\s*(True|False)");
    private static final Pattern SHAPE =
            Pattern.compile("['\"]shape['\"]\\s*:\\s*\\(((?:\\s*[0-9]+L?\\s*,)*\\s*(?:[0-9]+L?)?)\\s*\\)");

    /**
     * Reads a header of version 1.0, 2.0 or 3.0.
     *
     * @throws ArgosyException.MalformedContent it is none
     */
    static NpyHeader parse(byte[] file) {
        if (file.length < 10 || !Arrays.equals(MAGIC, 0, 6, file, 0, 6)) {
            throw malformed("it does not begin with \\x93NUMPY");
        }
        int version = file[6];
        if (version < 1 || version > 3 || file[7] != 0) {
            throw malformed("it has version " + version + "." + file[7] + ", not 1.0, 2.0 or 3.0");
        }
        ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        int start = version == 1 ? 10 : 12;
        if (file.length < start) {
            throw malformed("it ends inside of its header");
        }
        long size = version == 1 ? bytes.getShort(8) & 0xffffL : bytes.getInt(8) & 0xffff_ffffL;
        if (size > MOST_BYTES || start + size > file.length) {
            throw malformed("its header of " + size + " bytes is over 1 MiB, or longer than the file");
        }
        var charset = version == 3 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1;
        return parse(new String(file, start, (int) size, charset), start + (int) size);
    }

    private static NpyHeader parse(String text, int length) {
        if (!text.strip().startsWith("{") || !text.strip().endsWith("}")) {
            throw malformed("its header is no dict");
        }
        Matcher descr = DESCR.matcher(text);
        Matcher order = ORDER.matcher(text);
        Matcher shape = SHAPE.matcher(text);
        if (!descr.find()) {
            if (text.contains("descr")) {
                throw ArgosyException.unsupported("the array has a structured dtype, which the Java client does not "
                        + "read; let the producer save a plain array for each field");
            }
            throw malformed("its header has no descr");
        }
        if (!order.find() || !shape.find()) {
            throw malformed("its header has no fortran_order or no shape");
        }
        List<Long> axes = new ArrayList<>();
        for (String axis : shape.group(1).split(",")) {
            String digits = axis.strip().replace("L", "");
            if (!digits.isEmpty()) {
                axes.add(axis(digits));
            }
        }
        String dtype = descr.group(1) == null ? descr.group(2) : descr.group(1);
        return new NpyHeader(dtype, order.group(1).equals("True"), List.copyOf(axes), length);
    }

    private static long axis(String digits) {
        try {
            return Long.parseLong(digits);
        } catch (NumberFormatException tooLong) {
            throw malformed("an axis of " + digits + " elements is too long");
        }
    }

    /** Returns the header in version 1.0, so long that the elements begin at a multiple of 64 bytes. */
    static byte[] bytes(String dtype, boolean isFortran, long[] shape) {
        StringBuilder axes = new StringBuilder();
        for (long axis : shape) {
            axes.append(axis).append(shape.length == 1 ? "," : ", ");
        }
        if (shape.length > 1) {
            axes.setLength(axes.length() - 2);
        }
        String text = "{'descr': '" + dtype + "', 'fortran_order': " + (isFortran ? "True" : "False") + ", 'shape': ("
                + axes + "), }";
        int padding = ALIGNMENT - (10 + text.length() + 1) % ALIGNMENT;
        byte[] content = (text + " ".repeat(padding % ALIGNMENT) + "\n").getBytes(StandardCharsets.ISO_8859_1);
        ByteArrayOutputStream header = new ByteArrayOutputStream();
        header.writeBytes(MAGIC);
        header.writeBytes(new byte[] {1, 0, (byte) content.length, (byte) (content.length >> 8)});
        header.writeBytes(content);
        return header.toByteArray();
    }

    static ArgosyException malformed(String rule) {
        return ArgosyException.malformed(
                "data.npy is not a file of the format 'npy': " + rule + "; save the array again", null);
    }
}
