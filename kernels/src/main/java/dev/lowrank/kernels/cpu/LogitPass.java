package dev.lowrank.kernels.cpu;

import java.lang.foreign.MemorySegment;

/** What {@link TiledEntropy} does with a tile of logits between its two products. One thread at a time. */
interface LogitPass {
    /** Words of one step; rows are filled up to whole steps. */
    int STEP = PackedMatrix.BLOCK;

    /** What this processor is fastest with. */
    static LogitPass best(float softCap) {
        return softCap == 0 && CodedLogits.works() ? new CodedLogits() : new VectorLogits(softCap);
    }

    /** Logits F32 [rows, words]; rows {@code stride} elements apart, which is no less than whole steps. */
    record Tile(MemorySegment logits, long stride, int rows, int words) {
        /** Elements of a row up to a whole step. */
        int padded() {
            return (words + STEP - 1) / STEP * STEP;
        }

        /** Fills rows up to whole steps with what has no exponential. */
        void fillUp() {
            for (int i = 0; i < rows && words < padded(); i++) {
                for (int j = words; j < padded(); j++) {
                    Lanes.set(logits, i * stride + j, Float.NEGATIVE_INFINITY);
                }
            }
        }
    }

    /**
     * For each row z: {@code largest = max(largest, z_j)}, {@code sum = sum_j e^(z_j - largest)}, and what was summed as BF16
     * where the row began, zeros behind it up to a whole step. With a soft cap z and largest are capped for this, and what is
     * left behind is multiplied by the cap's slope. A NaN shows in the sum.
     *
     * @param largest F32 [rows], before the cap
     * @param sums F32 [rows], overwritten
     * @param next what will be read next, and may be brought into the second cache meanwhile
     */
    void run(Tile tile, MemorySegment largest, MemorySegment sums, MemorySegment next);
}
