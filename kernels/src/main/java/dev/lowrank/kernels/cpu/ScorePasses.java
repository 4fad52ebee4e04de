package dev.lowrank.kernels.cpu;

import java.lang.foreign.MemorySegment;

/**
 * What attention does with scores between its products. Keys come in multiples of 32. Exponentials are powers of two,
 * {@code 2^(factor s + shift)} as {@link Bf16Softmax} has them. One thread at a time.
 */
interface ScorePasses {
    /** What this processor is fastest with. */
    static ScorePasses best() {
        return CodedScores.works() ? new CodedScores() : new VectorScores();
    }

    /**
     * Rows of scores in fp32, {@code stride} elements apart, of which {@code keys} count.
     *
     * @param count how many rows
     */
    record Block(MemorySegment data, long stride, int count, int keys) {}

    /**
     * {@code e^(s - max)} of each row over its beginning as BF16, where {@code e} is {@code 2^factor} and max the largest score that the
     * row sees; zero where it sees nothing. The largest score becomes the row's shift, the sum, taken before rounding, its delta.
     *
     * @param rows each sees a key
     */
    void exponentials(Block s, ScoreRows rows, float factor);

    /**
     * {@code P = 2^(factor s + shift)} and {@code dS = P (dP - delta)} of an even number of rows; zero where a row does not see a key.
     * Both are written as they are packed for the right side of a product, and dS over the beginning of each row of dP, too, as
     * BF16. What was in s is lost.
     *
     * @param first the first key of the block
     * @param dP rows as far apart as those of s
     * @param p packed [keys / 32][run / 32][16][32][2]
     * @param dS the same
     * @param run ints from one run of 32 keys to the next in p and dS
     */
    void gradients(
            Block s,
            ScoreRows rows,
            int first,
            float factor,
            MemorySegment dP,
            MemorySegment p,
            MemorySegment dS,
            long run);
}
