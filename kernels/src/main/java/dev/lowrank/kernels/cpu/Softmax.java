package dev.lowrank.kernels.cpu;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** The passes over one row that softmax and log-sum-exp are made of. */
final class Softmax {
    /** Lanes are summed in fp32 over so many elements, and those sums in double. */
    private static final int BLOCK = 1024;

    private Softmax() {}

    /**
     * The largest of n values, NaN where one is, as the sum of exponentials is then, too. By {@code max} and not by a
     * comparison and a blend: of those the compiler keeps the vectors as objects.
     */
    static float max(MemorySegment row, long at, int n) {
        int whole = Lanes.whole(n);
        FloatVector best = Lanes.all(Float.NEGATIVE_INFINITY);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            best = Lanes.load(row, at + i).max(best);
        }
        float max = best.reduceLanes(VectorOperators.MAX);
        for (int i = whole; i < n; i++) {
            max = Math.max(max, Lanes.get(row, at + i));
        }
        return max;
    }

    /** Replaces each value by {@code e^(x - shift)} and returns their sum; {@code lanes} as in {@link Lanes#sum}. */
    static double expAndSum(MemorySegment row, long at, int n, float shift, float[] lanes) {
        double sum = 0;
        for (int from = 0; from < n; from += BLOCK) {
            sum += expBlock(row, at + from, Math.min(BLOCK, n - from), shift, lanes);
        }
        return sum;
    }

    /** As {@link #expAndSum}, but the exponentials go to BF16 elements from {@code 2 * at} on, where the row began. */
    static double expNarrowAndSum(MemorySegment row, long at, int n, float shift, float[] lanes) {
        double sum = 0;
        for (int from = 0; from < n; from += BLOCK) {
            sum += narrowBlock(row, at + from, 2 * at + from, Math.min(BLOCK, n - from), shift, lanes);
        }
        return sum;
    }

    /** What is written never passes what is still to be read. */
    private static float narrowBlock(MemorySegment row, long at, long to, int n, float shift, float[] lanes) {
        int whole = Lanes.whole(n);
        FloatVector acc = FloatVector.zero(Lanes.F);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            FloatVector e = Exp.exp(Lanes.load(row, at + i).sub(shift));
            Floats.narrow(e, row, to + i);
            acc = acc.add(e);
        }
        float sum = Lanes.sum(acc, lanes);
        for (int i = whole; i < n; i++) {
            float e = Exp.exp(Lanes.get(row, at + i) - shift);
            Floats.narrow(e, row, to + i);
            sum += e;
        }
        return sum;
    }

    /** The sum of {@code e^(x - shift)}, to the same bits as {@link #expAndSum}, leaving the values alone. */
    static double sumOfExp(MemorySegment row, long at, int n, float shift, float[] lanes) {
        double sum = 0;
        for (int from = 0; from < n; from += BLOCK) {
            sum += sumBlock(row, at + from, Math.min(BLOCK, n - from), shift, lanes);
        }
        return sum;
    }

    private static float expBlock(MemorySegment row, long at, int n, float shift, float[] lanes) {
        int whole = Lanes.whole(n);
        FloatVector acc = FloatVector.zero(Lanes.F);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            FloatVector e = Exp.exp(Lanes.load(row, at + i).sub(shift));
            Lanes.store(e, row, at + i);
            acc = acc.add(e);
        }
        float sum = Lanes.sum(acc, lanes);
        for (int i = whole; i < n; i++) {
            float e = Exp.exp(Lanes.get(row, at + i) - shift);
            Lanes.set(row, at + i, e);
            sum += e;
        }
        return sum;
    }

    private static float sumBlock(MemorySegment row, long at, int n, float shift, float[] lanes) {
        int whole = Lanes.whole(n);
        FloatVector acc = FloatVector.zero(Lanes.F);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            acc = acc.add(Exp.exp(Lanes.load(row, at + i).sub(shift)));
        }
        float sum = Lanes.sum(acc, lanes);
        for (int i = whole; i < n; i++) {
            sum += Exp.exp(Lanes.get(row, at + i) - shift);
        }
        return sum;
    }
}
