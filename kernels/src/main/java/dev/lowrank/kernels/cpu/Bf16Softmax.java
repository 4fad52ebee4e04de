package dev.lowrank.kernels.cpu;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The passes over scores of attention whose results are BF16. They go in steps of 32 keys; what a row does not see within
 * its first and last step is minus infinity by then, whose exponential is zero.
 */
final class Bf16Softmax {
    static final float LOG2_E = 1.44269504f;

    /** Keys of one step. */
    static final int STEP = 32;

    // Adding this rounds to an integer and leaves that integer in the low bits of the float.
    private static final FloatVector ROUND = Lanes.all(12582912f);
    private static final FloatVector SMALLEST = Lanes.all(-126);
    private static final FloatVector C4 = Lanes.all(1.3425155e-2f);
    private static final FloatVector C3 = Lanes.all(5.2245375e-2f);
    private static final FloatVector C2 = Lanes.all(0.24127856f);
    private static final FloatVector C1 = Lanes.all(0.69304514f);
    private static final FloatVector ONE = Lanes.all(1);

    /** These numbers in this order, for {@link ScoreCode}. */
    static final float[] CONSTANTS = {C4.lane(0), C3.lane(0), C2.lane(0), C1.lane(0), ONE.lane(0)};

    private static final FloatVector INDEX = Lanes.all(0).addIndex(1);

    private Bf16Softmax() {}

    /**
     * {@code 2^t} for t up to 127, within 3e-6 of itself, a thousandth of BF16's rounding: {@code 2^n 2^f} with
     * {@code n = floor(t)}, the polynomial the best of degree 4 that is 1 at 0. Below -126 it is zero.
     */
    static FloatVector power(FloatVector t) {
        FloatVector shifted = t.add(ROUND);
        shifted = shifted.sub(ONE, shifted.sub(ROUND).compare(VectorOperators.GT, t));
        FloatVector f = t.sub(shifted.sub(ROUND));
        FloatVector p = f.fma(C4, C3);
        p = p.fma(f, C2);
        p = p.fma(f, C1);
        p = p.fma(f, ONE);
        IntVector exponent = shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        FloatVector result = p.reinterpretAsInts().add(exponent).reinterpretAsFloats();
        return result.blend(0f, t.compare(VectorOperators.LT, SMALLEST));
    }

    /** Sets {@code [from, to)} of a row to a number; whole vectors around it are read and written. */
    static void fill(MemorySegment s, long row, int from, int to, float value) {
        for (int j = from & -Lanes.WIDTH; j < to; j += Lanes.WIDTH) {
            FloatVector place = INDEX.add(j);
            FloatVector x = Lanes.load(s, row + j);
            Lanes.store(
                    x.blend(
                            value,
                            place.compare(VectorOperators.GE, (float) from)
                                    .and(place.compare(VectorOperators.LT, (float) to))),
                    s,
                    row + j);
        }
    }

    /** The largest of the scores {@code [from, to)}; a NaN is passed over here and shows in the sum. */
    static float max(MemorySegment s, long row, int from, int to) {
        FloatVector a = Lanes.all(Float.NEGATIVE_INFINITY);
        FloatVector b = a;
        for (int j = from; j < to; j += STEP) {
            for (int w = 0; w < 16; w += Lanes.WIDTH) {
                FloatVector x = Lanes.load(s, row + j + w);
                FloatVector y = Lanes.load(s, row + j + w + 16);
                a = a.blend(x, x.compare(VectorOperators.GT, a));
                b = b.blend(y, y.compare(VectorOperators.GT, b));
            }
        }
        return a.blend(b, b.compare(VectorOperators.GT, a)).reduceLanes(VectorOperators.MAX);
    }

    // The passes below are several where one would do, because the compiler stops inlining in a loop of more.

    /** {@code s = 2^(factor s + shift)} over the scores {@code [from, to)}; the sums of the lanes go to {@code sums}. */
    static void powers(MemorySegment s, long row, int from, int to, float factor, float shift, float[] sums) {
        FloatVector c1 = Lanes.all(factor);
        FloatVector c0 = Lanes.all(shift);
        FloatVector sum = FloatVector.zero(Lanes.F);
        for (int j = from; j < to; j += Lanes.WIDTH) {
            FloatVector e = power(Lanes.load(s, row + j).fma(c1, c0));
            sum = sum.add(e);
            Lanes.store(e, s, row + j);
        }
        sum.intoArray(sums, 0);
    }

    /** The numbers {@code [from, to)} of a row, written over its beginning as BF16: number j at half {@code 2 row + j}. */
    static void round(MemorySegment s, long row, int from, int to) {
        for (int j = from; j < to; j += Lanes.WIDTH) {
            Floats.narrow(Lanes.load(s, row + j), s, 2 * row + j);
        }
    }

    /** {@code dS = P (dP - delta)} over the first numbers of a row of dP. */
    static void gradients(MemorySegment p, MemorySegment dP, long row, int count, float delta) {
        FloatVector mean = Lanes.all(delta);
        for (int j = 0; j < count; j += Lanes.WIDTH) {
            Lanes.store(Lanes.load(dP, row + j).sub(mean).mul(Lanes.load(p, row + j)), dP, row + j);
        }
    }

    /** {@code s *= factor}, and with a cap above 0 {@code s = cap * tanh(s / cap)}, over {@code [from, to)}. */
    static void scaleAndCap(MemorySegment s, long row, int from, int to, float factor, float cap) {
        Elementwise.scale(s, factor, row + from, row + to);
        if (cap > 0) {
            SoftCap.cap(s, cap, row + from, row + to);
        }
    }

    /** {@code dP = (dP - delta) (1 - (s / cap)^2)} from the capped scores s, over {@code [from, to)}. */
    static void capGradient(MemorySegment s, MemorySegment dP, long row, int from, int to, float delta, float cap) {
        float inverse = 1 / cap;
        for (int j = from; j < to; j += Lanes.WIDTH) {
            FloatVector slope = SoftCap.slope(Lanes.load(s, row + j), inverse);
            Lanes.store(Lanes.load(dP, row + j).sub(delta).mul(slope), dP, row + j);
        }
    }

    /**
     * The natural logarithm of a sum of exponentials, which is not below 1/2, within 1e-10, by arithmetic alone: the same bits
     * everywhere. With {@code x = 2^n m}, m within a factor of sqrt(2) of 1, and {@code z = (m - 1) / (m + 1)}, it is
     * {@code n ln 2 + 2 (z + z^3 / 3 + z^5 / 5 + ...)}, and z is below 0.172.
     */
    static double log(double x) {
        if (!(x < Double.POSITIVE_INFINITY)) {
            return x;
        }
        int n = Math.getExponent(x * Math.sqrt(0.5)) + 1;
        double m = x * Double.longBitsToDouble((long) (1023 - n) << 52);
        double z = (m - 1) / (m + 1);
        double z2 = z * z;
        double series = 1 + z2 * (1 / 3.0 + z2 * (1 / 5.0 + z2 * (1 / 7.0 + z2 * (1 / 9.0 + z2 * (1 / 11.0)))));
        return n * 0.6931471805599453 + 2 * z * series;
    }

    /** The sum of the {@link Lanes#WIDTH} numbers from {@code at}, always in the same order. */
    static float sum(float[] lanes, int at) {
        float s0 = 0;
        float s1 = 0;
        float s2 = 0;
        float s3 = 0;
        for (int i = at; i < at + Lanes.WIDTH; i += 4) {
            s0 += lanes[i];
            s1 += lanes[i + 1];
            s2 += lanes[i + 2];
            s3 += lanes[i + 3];
        }
        return (s0 + s1) + (s2 + s3);
    }
}
