package dev.lowrank.kernels.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The exponential function in fp32 within about one unit in the last place, for arguments up to 88. NaN gives NaN, and
 * what would be below the smallest normal number gives zero.
 *
 * <p>{@code e^x = 2^n * e^r} with {@code n = round(x / ln 2)} and {@code r = x - n ln 2}, so {@code |r| <= 0.3466}; ln 2
 * is subtracted in two parts, the first of which times n is exact. The Taylor series of {@code e^r} up to r^7 leaves a
 * relative error of {@code 0.3466^8 / 8! = 5e-9}, a tenth of a rounding. Vector and scalar forms give the same bits.
 */
final class Exp {
    private static final float SMALLEST = -87.33f;
    private static final float LOG2_E = 1.44269504f;
    private static final float LN2_HIGH = 0.693359375f;
    private static final float LN2_LOW = -2.12194440e-4f;

    // Adding this rounds to an integer and leaves that integer in the low bits of the float.
    private static final float ROUND = 12582912f;
    private static final int ONE_BITS = 0x3F800000;

    private static final float C7 = 1f / 5040;
    private static final float C6 = 1f / 720;
    private static final float C5 = 1f / 120;
    private static final float C4 = 1f / 24;
    private static final float C3 = 1f / 6;
    private static final float C2 = 0.5f;

    /** In the order of their use, for code of our own. */
    static final float[] CONSTANTS = {LOG2_E, ROUND, SMALLEST, -LN2_HIGH, -LN2_LOW, C7, C6, C5, C4, C3, C2, 1};

    private Exp() {}

    static FloatVector exp(FloatVector x) {
        FloatVector shifted = x.fma(Lanes.all(LOG2_E), Lanes.all(ROUND));
        FloatVector n = shifted.sub(ROUND);
        FloatVector r = n.fma(Lanes.all(-LN2_LOW), n.fma(Lanes.all(-LN2_HIGH), x));
        FloatVector p = slope(r).fma(r, Lanes.all(1));
        IntVector power =
                shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23).add(ONE_BITS);
        FloatVector e = p.mul(power.reinterpretAsFloats());
        return e.blend(0f, x.lt(SMALLEST));
    }

    static float exp(float x) {
        if (x < SMALLEST) {
            return 0;
        }
        float shifted = Math.fma(x, LOG2_E, ROUND);
        float n = shifted - ROUND;
        float r = Math.fma(n, -LN2_LOW, Math.fma(n, -LN2_HIGH, x));
        float p = Math.fma(slope(r), r, 1);
        return p * Float.intBitsToFloat((Float.floatToRawIntBits(shifted) << 23) + ONE_BITS);
    }

    /**
     * {@code e^x - 1} within a few units in the last place of the result, for arguments from -87 to 88: with n and r as
     * above, {@code 2^n (e^r - 1) + (2^n - 1)}. Near zero n is 0 and nothing cancels.
     */
    static FloatVector minusOne(FloatVector x) {
        FloatVector shifted = x.fma(Lanes.all(LOG2_E), Lanes.all(ROUND));
        FloatVector n = shifted.sub(ROUND);
        FloatVector r = n.fma(Lanes.all(-LN2_LOW), n.fma(Lanes.all(-LN2_HIGH), x));
        FloatVector power = shifted.reinterpretAsInts()
                .lanewise(VectorOperators.LSHL, 23)
                .add(ONE_BITS)
                .reinterpretAsFloats();
        return power.fma(slope(r).mul(r), power.sub(1));
    }

    static float minusOne(float x) {
        float shifted = Math.fma(x, LOG2_E, ROUND);
        float n = shifted - ROUND;
        float r = Math.fma(n, -LN2_LOW, Math.fma(n, -LN2_HIGH, x));
        float power = Float.intBitsToFloat((Float.floatToRawIntBits(shifted) << 23) + ONE_BITS);
        return Math.fma(power, slope(r) * r, power - 1);
    }

    /** {@code (e^r - 1) / r}. */
    private static FloatVector slope(FloatVector r) {
        FloatVector p = r.fma(Lanes.all(C7), Lanes.all(C6));
        p = p.fma(r, Lanes.all(C5));
        p = p.fma(r, Lanes.all(C4));
        p = p.fma(r, Lanes.all(C3));
        p = p.fma(r, Lanes.all(C2));
        return p.fma(r, Lanes.all(1));
    }

    private static float slope(float r) {
        float p = Math.fma(r, C7, C6);
        p = Math.fma(p, r, C5);
        p = Math.fma(p, r, C4);
        p = Math.fma(p, r, C3);
        p = Math.fma(p, r, C2);
        return Math.fma(p, r, 1);
    }
}
