package dev.lowrank.kernels.cpu;

import java.lang.foreign.MemorySegment;

/** By the Vector API, in several passes over a row that lies in the nearest cache. */
final class VectorScores implements ScorePasses {
    private final float[] lanes = new float[Lanes.WIDTH];

    @Override
    public void exponentials(Block s, ScoreRows rows, float factor) {
        for (int row = 0; row < s.count(); row++) {
            long at = row * s.stride();
            int low = rows.begin(row) & -Bf16Softmax.STEP;
            int high = rows.end(row) + Bf16Softmax.STEP - 1 & -Bf16Softmax.STEP;
            Bf16Softmax.fill(s.data(), at, low, rows.begin(row), Float.NEGATIVE_INFINITY);
            Bf16Softmax.fill(s.data(), at, rows.end(row), high, Float.NEGATIVE_INFINITY);
            float max = Bf16Softmax.max(s.data(), at, low, high);
            Bf16Softmax.powers(s.data(), at, low, high, factor, -(max * factor), lanes);
            Bf16Softmax.round(s.data(), at, low, high);
            Bf16Layout.clear(s.data(), 2 * at, low);
            Bf16Layout.clear(s.data(), 2 * at + high, s.keys() - high);
            rows.shift(row, max);
            rows.delta(row, Bf16Softmax.sum(lanes, 0));
        }
    }

    @Override
    public void gradients(
            Block s,
            ScoreRows rows,
            int first,
            float factor,
            MemorySegment dP,
            MemorySegment p,
            MemorySegment dS,
            long run) {
        for (int row = 0; row < s.count(); row++) {
            long at = row * s.stride();
            int begin = Math.clamp(rows.begin(row) - (long) first, 0, s.keys());
            int end = Math.clamp(rows.end(row) - (long) first, begin, s.keys());
            Bf16Softmax.fill(s.data(), at, 0, begin, Float.NEGATIVE_INFINITY);
            Bf16Softmax.fill(s.data(), at, end, s.keys(), Float.NEGATIVE_INFINITY);
            Bf16Softmax.fill(dP, at, 0, begin, 0);
            Bf16Softmax.fill(dP, at, end, s.keys(), 0);
            Bf16Softmax.powers(s.data(), at, 0, s.keys(), factor, rows.shift(row), lanes);
            Bf16Softmax.gradients(s.data(), dP, at, s.keys(), rows.delta(row));
        }
        for (int row = 0; row < s.count(); row += 2) {
            long a = row * s.stride();
            long pair = row / 2 * (long) PackedMatrix.BLOCK;
            Bf16Layout.pair(s.data(), a, a + s.stride(), s.keys(), p, pair, run);
            Bf16Layout.pair(dP, a, a + s.stride(), s.keys(), dS, pair, run);
        }
        for (int row = 0; row < s.count(); row++) {
            Bf16Softmax.round(dP, row * s.stride(), 0, s.keys());
        }
    }
}
