package dev.lowrank.kernels;

/** BF16 by its definition rather than by arithmetic on bits. */
public final class Bf16Reference {
    private Bf16Reference() {}

    /** The nearer of the two neighbours that BF16 holds; of two equally near, the one whose last bit is 0. */
    public static float round(float x) {
        if (!Float.isFinite(x)) {
            return x;
        }
        int bits = Float.floatToRawIntBits(x);
        float inner = Float.intBitsToFloat(bits & 0xFFFF0000);
        float outer = Float.intBitsToFloat((bits & 0xFFFF0000) + 0x10000);
        // Beyond the largest number lies infinity, but in rounding the number that would come next.
        double outerPlace = Float.isInfinite(outer) ? Math.copySign(0x1p128, x) : outer;
        double toInner = Math.abs(x - (double) inner);
        double toOuter = Math.abs(outerPlace - x);
        boolean innerIsEven = (bits & 0x10000) == 0;
        return toInner < toOuter || (toInner == toOuter && innerIsEven) ? inner : outer;
    }

    /** All rounded, in place. */
    public static float[] round(float[] values) {
        for (int i = 0; i < values.length; i++) {
            values[i] = round(values[i]);
        }
        return values;
    }
}
