package io.argosy.client.codec;

/** IEEE 754 binary16, which Java has no type for. */
final class HalfFloat {
    private HalfFloat() {}

    static double toDouble(short half) {
        int exponent = half >> 10 & 0x1f;
        int fraction = half & 0x3ff;
        double size;
        if (exponent == 0x1f) {
            size = fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
        } else if (exponent == 0) {
            size = Math.scalb((double) fraction, -24);
        } else {
            size = Math.scalb((double) (fraction | 0x400), exponent - 25);
        }
        return half < 0 ? -size : size;
    }
}
