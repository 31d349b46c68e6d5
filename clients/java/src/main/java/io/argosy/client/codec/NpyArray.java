package io.argosy.client.codec;

import io.argosy.client.ArgosyException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * An array of NumPy: its elements as they lie in memory, and what is needed to read them.
 *
 * <p>Byte order and C or Fortran order are kept, so that an array that is loaded and saved is the same one.
 *
 * @param dtype the type of the elements as NumPy describes it: {@code "<f8"}, {@code ">i4"}, {@code "|b1"}
 * @param shape the length of each axis; empty for a single element
 * @param isFortran whether the first axis varies fastest
 * @param data the elements, in their byte order; the remaining bytes of what is given, which must not change any more
 */
public record NpyArray(String dtype, List<Long> shape, boolean isFortran, ByteBuffer data) {
    private static final Pattern DTYPE = Pattern.compile(
            "[<>|=](b1|[iu][1248]|f(2|4|8|12|16)|c(8|16|24|32)|[mM]8(\\[[^\\]]+\\])?|[SUV][0-9]{1,8})");
    /** Of one array, in NumPy. */
    private static final int MOST_AXES = 64;

    /**
     * @throws ArgosyException.MalformedContent there are too many or too few bytes
     * @throws ArgosyException.UnsupportedFormat the dtype is none of numbers, booleans, times or text
     */
    public NpyArray {
        if (!DTYPE.matcher(dtype).matches()) {
            throw ArgosyException.unsupported("the Java client keeps no arrays of dtype '" + dtype
                    + "'; save numbers or booleans, objects as json, records as parquet");
        }
        shape = List.copyOf(shape);
        if (shape.size() > MOST_AXES) {
            throw NpyFile.malformed("it has " + shape.size() + " axes, and arrays of NumPy have at most " + MOST_AXES);
        }
        data = ordered(data.slice().asReadOnlyBuffer(), dtype);
        BigInteger bytes = BigInteger.valueOf(itemBytes(dtype));
        for (long axis : shape) {
            bytes = bytes.multiply(BigInteger.valueOf(axis));
        }
        if (!bytes.equals(BigInteger.valueOf(data.capacity()))) {
            throw NpyFile.malformed("an array of the dtype " + dtype + " and the shape " + shape + " does not have "
                    + data.capacity() + " bytes");
        }
    }

    private static ByteBuffer ordered(ByteBuffer data, String dtype) {
        return data.order(dtype.startsWith(">") ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
    }

    private static char kind(String dtype) {
        return dtype.charAt(1);
    }

    private static int itemBytes(String dtype) {
        int length = Integer.parseInt(dtype.substring(2).replaceFirst("\\[.*", ""));
        return kind(dtype) == 'U' ? Math.multiplyExact(length, 4) : length;
    }

    /** Returns an array of {@code float64}; without a shape it has one axis. */
    public static NpyArray of(double[] elements, long... shape) {
        return filled("<f8", elements.length, shape, data -> data.asDoubleBuffer().put(elements));
    }

    /** Returns an array of {@code float32}; without a shape it has one axis. */
    public static NpyArray of(float[] elements, long... shape) {
        return filled("<f4", elements.length, shape, data -> data.asFloatBuffer().put(elements));
    }

    /** Returns an array of {@code int64}; without a shape it has one axis. */
    public static NpyArray of(long[] elements, long... shape) {
        return filled("<i8", elements.length, shape, data -> data.asLongBuffer().put(elements));
    }

    /** Returns an array of {@code int32}; without a shape it has one axis. */
    public static NpyArray of(int[] elements, long... shape) {
        return filled("<i4", elements.length, shape, data -> data.asIntBuffer().put(elements));
    }

    private static NpyArray filled(String dtype, int count, long[] shape, Consumer<ByteBuffer> fill) {
        ByteBuffer data = ordered(ByteBuffer.allocate(Math.multiplyExact(count, itemBytes(dtype))), dtype);
        fill.accept(data);
        List<Long> axes = shape.length == 0 ? List.of((long) count) : Arrays.stream(shape).boxed().toList();
        return new NpyArray(dtype, axes, false, data);
    }

    /** Returns the elements in their byte order, not to be written. */
    @Override
    public ByteBuffer data() {
        return ordered(data.duplicate(), dtype);
    }

    /** Returns the number of elements. */
    public long size() {
        return shape.stream().reduce(1L, (product, axis) -> product * axis);
    }

    /** Returns the same array with its elements little-endian, the last axis fastest. */
    public NpyArray normalized() {
        int itemBytes = itemBytes(dtype);
        int unit = switch (kind(dtype)) {
            case 'c' -> itemBytes / 2;
            case 'U' -> 4;
            case 'S', 'V', 'b' -> 1;
            default -> itemBytes;
        };
        boolean isSwapped = data.order() == ByteOrder.BIG_ENDIAN && unit > 1;
        byte[] elements = new byte[data.capacity()];
        forEach((at, position) -> {
            for (int i = 0; i < itemBytes; i++) {
                int place = isSwapped ? i - i % unit + unit - 1 - i % unit : i;
                elements[at * itemBytes + place] = data.get(position + i);
            }
        });
        return new NpyArray(dtype.replace('>', '<'), shape, false, ByteBuffer.wrap(elements));
    }

    /**
     * Returns the elements as doubles, the last axis fastest.
     *
     * @throws ArgosyException.UnsupportedFormat they are no real numbers or booleans
     */
    public double[] toDoubles() {
        requireKind("biuf", "a real number");
        double[] elements = new double[Math.toIntExact(size())];
        int itemBytes = itemBytes(dtype);
        boolean isFloating = kind(dtype) == 'f';
        forEach((at, position) ->
                elements[at] = isFloating ? floating(position, itemBytes) : integerAsDouble(position, itemBytes));
        return elements;
    }

    /**
     * Returns the elements as longs, the last axis fastest; {@code uint64} above the range of a long comes out negative.
     *
     * @throws ArgosyException.UnsupportedFormat they are no integers or booleans
     */
    public long[] toLongs() {
        requireKind("biu", "an integer");
        long[] elements = new long[Math.toIntExact(size())];
        int itemBytes = itemBytes(dtype);
        forEach((at, position) -> elements[at] = integer(position, itemBytes));
        return elements;
    }

    private interface Visitor {
        void visit(int at, int position);
    }

    /** Visits the place of each element, the last axis fastest. */
    private void forEach(Visitor visitor) {
        int itemBytes = itemBytes(dtype);
        int count = itemBytes == 0 ? 0 : data.capacity() / itemBytes; // Elements of no bytes can be without number.
        for (int at = 0; at < count; at++) {
            visitor.visit(at, (isFortran ? inFortranOrder(at) : at) * itemBytes);
        }
    }

    private int inFortranOrder(long at) {
        long place = 0;
        long stride = size();
        for (int axis = shape.size() - 1; axis >= 0; axis--) {
            stride /= shape.get(axis);
            place += at % shape.get(axis) * stride;
            at /= shape.get(axis);
        }
        return (int) place;
    }

    private double floating(int position, int itemBytes) {
        return switch (itemBytes) {
            case 2 -> half(data.getShort(position));
            case 4 -> data.getFloat(position);
            case 8 -> data.getDouble(position);
            default -> throw noNumber("a number of Java");
        };
    }

    /** Returns an IEEE 754 binary16, which Java 17 has no type for. */
    private static double half(short bits) {
        int exponent = bits >> 10 & 0x1f;
        int fraction = bits & 0x3ff;
        double size = switch (exponent) {
            case 0x1f -> fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
            case 0 -> Math.scalb((double) fraction, -24);
            default -> Math.scalb((double) (fraction | 0x400), exponent - 25);
        };
        return bits < 0 ? -size : size;
    }

    private double integerAsDouble(int position, int itemBytes) {
        long number = integer(position, itemBytes);
        return kind(dtype) == 'u' && number < 0 ? (number >>> 1 | number & 1) * 2.0 : number;
    }

    private long integer(int position, int itemBytes) {
        boolean isUnsigned = kind(dtype) != 'i';
        return switch (itemBytes) {
            case 1 -> isUnsigned ? data.get(position) & 0xffL : data.get(position);
            case 2 -> isUnsigned ? data.getShort(position) & 0xffffL : data.getShort(position);
            case 4 -> isUnsigned ? data.getInt(position) & 0xffff_ffffL : data.getInt(position);
            case 8 -> data.getLong(position);
            default -> throw noNumber("an integer of Java");
        };
    }

    private void requireKind(String kinds, String what) {
        if (kinds.indexOf(kind(dtype)) < 0) {
            throw noNumber(what);
        }
    }

    private ArgosyException noNumber(String what) {
        return ArgosyException.unsupported(
                "an element of dtype '" + dtype + "' is not " + what + "; read the bytes with data()");
    }

    @Override
    public String toString() {
        return "NpyArray(" + dtype + ", " + shape + ")";
    }
}
