package dev.lowrank.kernels.cpu;

import java.lang.foreign.MemorySegment;

/** By the Vector API, in two passes over a row, with a soft cap in five. */
final class VectorLogits implements LogitPass {
    private final float cap; // 0: none
    private final float[] lanes = new float[Lanes.WIDTH];

    VectorLogits(float cap) {
        this.cap = cap;
    }

    @Override
    public void run(Tile tile, MemorySegment largest, MemorySegment sums, MemorySegment next) {
        MemorySegment z = tile.logits();
        if (cap == 0) {
            tile.fillUp();
        }
        for (int i = 0; i < tile.rows(); i++) {
            long at = i * tile.stride();
            float most = Math.max(Softmax.max(z, at, tile.words()), Lanes.get(largest, i));
            Lanes.set(largest, i, most);
            double sum = cap == 0
                    ? Softmax.expNarrowAndSum(z, at, tile.padded(), most, lanes)
                    : capped(z, at, tile, SoftCap.cap(most, cap));
            Lanes.set(sums, i, (float) sum);
        }
    }

    private double capped(MemorySegment z, long at, Tile tile, float most) {
        int words = tile.words();
        SoftCap.cap(z, cap, at, at + words);
        double sum = Softmax.sumOfExp(z, at, words, most, lanes);
        CrossEntropy.cappedGradient(z, at, words, most, 1, 1 / cap);
        Floats.narrow(z, at, z, 2 * at, words);
        z.asSlice((2 * at + words) * Short.BYTES, (long) (tile.padded() - words) * Short.BYTES)
                .fill((byte) 0);
        return sum;
    }
}
