package dev.lowrank.kernels.cpu;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/** The passes over one row that softmax and log-sum-exp are made of. */
final class Softmax {
    /** Lanes are summed in fp32 over so many elements, and those sums in double. */
    private static final int BLOCK = 1024;

    private Softmax() {}

    /** The largest of n values; a NaN is passed over here and shows in the sum of exponentials. */
    static float max(MemorySegment row, long at, int n) {
        int whole = Lanes.whole(n);
        FloatVector best = Lanes.all(Float.NEGATIVE_INFINITY);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            FloatVector x = Lanes.load(row, at + i);
            best = best.blend(x, x.compare(VectorOperators.GT, best));
        }
        float max = best.reduceLanes(VectorOperators.MAX);
        for (int i = whole; i < n; i++) {
            float x = Lanes.get(row, at + i);
            max = x > max ? x : max;
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
