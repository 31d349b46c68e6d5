package io.argosy.client.codec;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.argosy.client.ArgosyException;
import io.argosy.client.ByteSource;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The file NumPy makes of an array: a header of version 1.0, 2.0 or 3.0, then the elements. */
final class NpyFile {
    private static final byte[] MAGIC = {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y'};
    private static final int MOST_BYTES = 1 << 20;
    private static final int ALIGNMENT = 64;
    private static final Pattern DESCR = Pattern.compile("['\"]descr['\"]\\s*:\\s*(?:'([^']*)'|\"([^\"]*)\")");
    private static final Pattern ORDER = Pattern.compile("['\"]fortran_order['\"]\\s*:\\s*(True|False)");
    /** Possessive throughout: otherwise a long header takes hours, or more stack than there is. */
    private static final Pattern SHAPE = Pattern.compile(
            "['\"]shape['\"]\\s*+:\\s*+\\(((?:\\s*+[0-9]++L?+\\s*+,)*+(?:\\s*+[0-9]++L?+)?+)\\s*+\\)");
    private static final Pattern AXES = Pattern.compile("[0-9]+");

    private NpyFile() {}

    /**
     * Reads a file.
     *
     * @throws ArgosyException.MalformedContent it is none
     */
    static NpyArray decode(byte[] file) {
        if (file.length < 12 || !Arrays.equals(MAGIC, 0, 6, file, 0, 6)) {
            throw malformed("it does not begin with \\x93NUMPY and a header");
        }
        int version = file[6];
        if (version < 1 || version > 3 || file[7] != 0) {
            throw malformed("it has version " + version + "." + file[7] + ", not 1.0, 2.0 or 3.0");
        }
        ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        int start = version == 1 ? 10 : 12;
        long size = version == 1 ? bytes.getShort(8) & 0xffffL : bytes.getInt(8) & 0xffff_ffffL;
        if (size > MOST_BYTES || start + size > file.length) {
            throw malformed("its header of " + size + " bytes is over 1 MiB, or longer than the file");
        }
        var charset = version == 3 ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1;
        String header = new String(file, start, (int) size, charset);
        return decode(header, bytes.position(start + (int) size));
    }

    private static NpyArray decode(String header, ByteBuffer elements) {
        if (!header.strip().startsWith("{") || !header.strip().endsWith("}")) {
            throw malformed("its header is no dict");
        }
        Matcher descr = DESCR.matcher(header);
        Matcher order = ORDER.matcher(header);
        Matcher shape = SHAPE.matcher(header);
        if (!descr.find()) {
            if (header.contains("descr")) {
                throw ArgosyException.unsupported("the array has a structured dtype, which the Java client does not "
                        + "read; let the producer save a plain array for each field");
            }
            throw malformed("its header has no descr");
        }
        if (!order.find() || !shape.find()) {
            throw malformed("its header has no fortran_order or no shape");
        }
        String dtype = descr.group(1) == null ? descr.group(2) : descr.group(1);
        try {
            List<Long> axes = AXES.matcher(shape.group(1)).results().map(axis -> Long.valueOf(axis.group())).toList();
            return new NpyArray(dtype, axes, order.group(1).equals("True"), elements);
        } catch (NumberFormatException tooLong) {
            throw malformed("an axis of (" + shape.group(1) + ") is too long");
        }
    }

    /** Returns a file of version 1.0, whose elements begin at a multiple of 64 bytes and are not copied. */
    static ByteSource encode(NpyArray array) {
        String axes = array.shape().stream().map(String::valueOf).collect(Collectors.joining(", "));
        String text = "{'descr': '" + array.dtype() + "', 'fortran_order': " + (array.isFortran() ? "True" : "False")
                + ", 'shape': (" + axes + (array.shape().size() == 1 ? "," : "") + "), }";
        int padding = Math.floorMod(-(10 + text.length() + 1), ALIGNMENT);
        byte[] header = (text + " ".repeat(padding) + "\n").getBytes(StandardCharsets.ISO_8859_1);
        ByteBuffer beginning = ByteBuffer.allocate(10 + header.length).order(ByteOrder.LITTLE_ENDIAN);
        beginning.put(MAGIC).put((byte) 1).put((byte) 0).putShort((short) header.length).put(header).flip();
        return ByteSource.of(ByteString.copyFrom(beginning).concat(UnsafeByteOperations.unsafeWrap(array.data())));
    }

    static ArgosyException malformed(String rule) {
        return ArgosyException.malformed(
                "data.npy is not a file of the format 'npy': " + rule + "; save the array again", null);
    }
}
