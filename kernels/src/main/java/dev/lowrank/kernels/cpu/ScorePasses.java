package dev.lowrank.kernels.cpu;

import java.lang.foreign.MemorySegment;

/**
 * What attention does with scores between its products, in steps of 32 keys. Exponentials are powers of two,
 * {@code e(s, shift) = 2^(factor s - shift)} as {@link Bf16Softmax} has them. One thread at a time.
 */
interface ScorePasses {
    /** What this processor is fastest with. */
    static ScorePasses best() {
        return CodedScores.works() ? new CodedScores() : new VectorScores();
    }

    /**
     * {@code e(s)} over the scores {@code [from, to)} of a row, written over its beginning as BF16 pairs, shuffled: those from j on
     * are at int {@code row + j / 2}.
     *
     * @return their sum, taken before they are rounded
     */
    float exponentials(MemorySegment s, long row, int from, int to, float factor, float shift);

    /**
     * Two rows a and b over the keys {@code [from, to)}: {@code P = e(s)} and {@code dS = P (dP - delta)}, written as pairs (a, b);
     * and dS of each row over the beginning of its dP, as pairs shuffled. What was in s is lost.
     *
     * @param pairs place of the rows' pair in p and dS, in ints; runs of 32 keys are {@code run} ints apart
     */
    void gradients(
            Pair pair,
            MemorySegment s,
            MemorySegment dP,
            int from,
            int to,
            float factor,
            MemorySegment p,
            MemorySegment dS,
            long pairs,
            long run);

    /** Where two rows begin in s and dP, in floats, and what each has for itself. */
    record Pair(long rowA, long rowB, float shiftA, float shiftB, float deltaA, float deltaB) {}
}
