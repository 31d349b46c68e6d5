package io.argosy.client.codec;

import io.argosy.client.ArgosyException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An array of NumPy: its elements as they lie in memory, and what is needed to read them.
 *
 * <p>Byte order and C or Fortran order are kept, so that an array that is loaded and saved is the same one.
 */
public final class NpyArray {
    private static final Pattern DTYPE = Pattern.compile("([<>|=])([biufcmMSUV])([0-9]+)(\\[[^\\]]+\\])?");

    private final String dtype;
    private final long[] shape;
    private final boolean isFortran;
    private final ByteBuffer data;
    private final char kind;
    private final int itemBytes;

    private NpyArray(String dtype, long[] shape, boolean isFortran, ByteBuffer data) {
        Matcher parts = DTYPE.matcher(dtype);
        if (!parts.matches()) {
            throw ArgosyException.unsupported("the Java client keeps no arrays of dtype '" + dtype
                    + "'; save numbers or booleans, objects as json, records as parquet");
        }
        this.dtype = dtype;
        this.shape = shape.clone();
        this.isFortran = isFortran;
        this.kind = parts.group(2).charAt(0);
        this.itemBytes = Math.multiplyExact(Integer.parseInt(parts.group(3)), kind == 'U' ? 4 : 1);
        ByteOrder order = parts.group(1).equals(">") ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN;
        this.data = data.slice().asReadOnlyBuffer().order(order);
        checkLength(shape);
    }

    private void checkLength(long[] axes) {
        long bytes = itemBytes;
        try {
            for (long axis : axes) {
                bytes = Math.multiplyExact(bytes, axis);
            }
        } catch (ArithmeticException tooMany) {
            bytes = Arrays.stream(axes).anyMatch(axis -> axis == 0) ? 0 : -1;
        }
        if (bytes != data.capacity()) {
            throw NpyHeader.malformed("an array of the dtype " + dtype + " and the shape " + Arrays.toString(axes)
                    + " does not have " + data.capacity() + " bytes");
        }
    }

    /**
     * Returns an array of elements that are bytes already.
     *
     * @param dtype as NumPy describes it: {@code "<f8"}, {@code ">i4"}, {@code "|b1"}
     * @param shape the length of each axis; none for a single element
     * @param isFortran whether the first axis varies fastest
     * @param data its remaining bytes are the elements; they must not be changed any more
     * @throws ArgosyException.MalformedContent there are too many or too few bytes
     * @throws ArgosyException.UnsupportedFormat the dtype is none of numbers, booleans, times or text
     */
    public static NpyArray of(String dtype, long[] shape, boolean isFortran, ByteBuffer data) {
        return new NpyArray(dtype, shape, isFortran, data);
    }

    /** Returns an array of {@code float64}; without a shape it has one axis. */
    public static NpyArray of(double[] elements, long... shape) {
        ByteBuffer data = ByteBuffer.allocate(Math.multiplyExact(elements.length, 8)).order(ByteOrder.LITTLE_ENDIAN);
        data.asDoubleBuffer().put(elements);
        return new NpyArray("<f8", shapeOr(elements.length, shape), false, data);
    }

    /** Returns an array of {@code float32}; without a shape it has one axis. */
    public static NpyArray of(float[] elements, long... shape) {
        ByteBuffer data = ByteBuffer.allocate(Math.multiplyExact(elements.length, 4)).order(ByteOrder.LITTLE_ENDIAN);
        data.asFloatBuffer().put(elements);
        return new NpyArray("<f4", shapeOr(elements.length, shape), false, data);
    }

    /** Returns an array of {@code int64}; without a shape it has one axis. */
    public static NpyArray of(long[] elements, long... shape) {
        ByteBuffer data = ByteBuffer.allocate(Math.multiplyExact(elements.length, 8)).order(ByteOrder.LITTLE_ENDIAN);
        data.asLongBuffer().put(elements);
        return new NpyArray("<i8", shapeOr(elements.length, shape), false, data);
    }

    /** Returns an array of {@code int32}; without a shape it has one axis. */
    public static NpyArray of(int[] elements, long... shape) {
        ByteBuffer data = ByteBuffer.allocate(Math.multiplyExact(elements.length, 4)).order(ByteOrder.LITTLE_ENDIAN);
        data.asIntBuffer().put(elements);
        return new NpyArray("<i4", shapeOr(elements.length, shape), false, data);
    }

    private static long[] shapeOr(int count, long[] shape) {
        return shape.length == 0 ? new long[] {count} : shape;
    }

    /** Returns the type of the elements as NumPy describes it. */
    public String dtype() {
        return dtype;
    }

    /** Returns the length of each axis; empty for a single element. */
    public long[] shape() {
        return shape.clone();
    }

    /** Returns whether the first axis varies fastest. */
    public boolean isFortran() {
        return isFortran;
    }

    /** Returns the number of elements. */
    public long size() {
        return Arrays.stream(shape).reduce(1, (product, axis) -> product * axis);
    }

    /** Returns the elements as they lie in memory, in their byte order, not to be written. */
    public ByteBuffer data() {
        return data.duplicate().order(data.order());
    }

    /** Returns the same array with its elements little-endian, the last axis fastest. */
    public NpyArray normalized() {
        int count = (int) size();
        int unit = kind == 'c' ? itemBytes / 2 : kind == 'U' ? 4 : "SVb".indexOf(kind) >= 0 ? 1 : itemBytes;
        boolean isSwapped = data.order() == ByteOrder.BIG_ENDIAN && unit > 1;
        byte[] elements = new byte[data.capacity()];
        for (int at = 0; at < count; at++) {
            int from = (isFortran ? inFortranOrder(at) : at) * itemBytes;
            for (int i = 0; i < itemBytes; i++) {
                int place = isSwapped ? i - i % unit + unit - 1 - i % unit : i;
                elements[at * itemBytes + place] = data.get(from + i);
            }
        }
        return new NpyArray(dtype.replace('>', '<'), shape, false, ByteBuffer.wrap(elements));
    }

    /**
     * Returns the elements as doubles, the last axis fastest.
     *
     * @throws ArgosyException.UnsupportedFormat they are no real numbers or booleans
     */
    public double[] toDoubles() {
        double[] elements = new double[Math.toIntExact(size())];
        forEach((at, position) -> elements[at] = kind == 'f' ? floating(position) : integerAsDouble(position));
        return elements;
    }

    /**
     * Returns the elements as longs, the last axis fastest; {@code uint64} above the range of a long comes out negative.
     *
     * @throws ArgosyException.UnsupportedFormat they are no integers or booleans
     */
    public long[] toLongs() {
        long[] elements = new long[Math.toIntExact(size())];
        forEach((at, position) -> elements[at] = integer(position));
        return elements;
    }

    private interface Visitor {
        void visit(int at, int position);
    }

    /** Visits the place of each element, the last axis fastest. */
    private void forEach(Visitor visitor) {
        int count = (int) size();
        for (int at = 0; at < count; at++) {
            visitor.visit(at, (isFortran ? inFortranOrder(at) : at) * itemBytes);
        }
    }

    private int inFortranOrder(int at) {
        int rest = at;
        long place = 0;
        long stride = size();
        for (int axis = shape.length - 1; axis >= 0; axis--) {
            stride /= shape[axis];
            place += rest % shape[axis] * stride;
            rest /= (int) shape[axis];
        }
        return (int) place;
    }

    private double floating(int position) {
        return switch (itemBytes) {
            case 2 -> HalfFloat.toDouble(data.getShort(position));
            case 4 -> data.getFloat(position);
            case 8 -> data.getDouble(position);
            default -> throw noNumber("a number of Java");
        };
    }

    private double integerAsDouble(int position) {
        long number = integer(position);
        return kind == 'u' && number < 0 ? (number >>> 1 | number & 1) * 2.0 : number;
    }

    private long integer(int position) {
        boolean isUnsigned = kind == 'u' || kind == 'b';
        if (!isUnsigned && kind != 'i') {
            throw noNumber("an integer");
        }
        return switch (itemBytes) {
            case 1 -> isUnsigned ? data.get(position) & 0xffL : data.get(position);
            case 2 -> isUnsigned ? data.getShort(position) & 0xffffL : data.getShort(position);
            case 4 -> isUnsigned ? data.getInt(position) & 0xffff_ffffL : data.getInt(position);
            case 8 -> data.getLong(position);
            default -> throw noNumber("an integer of Java");
        };
    }

    private ArgosyException noNumber(String what) {
        return ArgosyException.unsupported(
                "an element of dtype '" + dtype + "' is not " + what + "; read the bytes with data()");
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof NpyArray array
                && dtype.equals(array.dtype)
                && Arrays.equals(shape, array.shape)
                && isFortran == array.isFortran
                && data.equals(array.data);
    }

    @Override
    public int hashCode() {
        return Objects.hash(dtype, Arrays.hashCode(shape), isFortran, data);
    }

    @Override
    public String toString() {
        return "NpyArray(" + dtype + ", " + Arrays.toString(shape) + ")";
    }
}
