package dev.lowrank.kernels.cpu;

import java.lang.foreign.MemorySegment;

/** By the Vector API, in several passes over a row that lies in the nearest cache. */
final class VectorScores implements ScorePasses {
    private final float[] lanes = new float[Lanes.WIDTH];

    @Override
    public float exponentials(MemorySegment s, long row, int from, int to, float factor, float shift) {
        Bf16Softmax.powers(s, row, from, to, factor, shift, lanes);
        Bf16Softmax.join(s, row, from, to);
        return Bf16Softmax.sum(lanes, 0);
    }

    @Override
    public void gradients(
            Pair pair,
            MemorySegment s,
            MemorySegment dP,
            int from,
            int to,
            float factor,
            MemorySegment p,
            MemorySegment dS,
            long pairs,
            long run) {
        long a = pair.rowA();
        long b = pair.rowB();
        Bf16Softmax.powers(s, a, from, to, factor, pair.shiftA(), lanes);
        Bf16Softmax.powers(s, b, from, to, factor, pair.shiftB(), lanes);
        Bf16Softmax.gradients(s, dP, a, b, from, to, pair.deltaA(), pair.deltaB(), p, dS, pairs, run);
        Bf16Layout.unpair(dS, pairs, run, from, to, dP, a, b);
    }
}
