package dev.lowrank.engine.data;

import dev.lowrank.engine.CounterRandom;

/**
 * The order of rows in each epoch: that of the file, or a permutation. The permutation is a function of rows, seed and
 * epoch alone (Fisher and Yates' shuffle over a counter-based generator), so a resumed run needs to remember none of it.
 */
public final class BatchOrder {
    private final int rows;
    private final boolean shuffle;
    private final long seed;

    public BatchOrder(int rows, boolean shuffle, long seed) {
        if (rows < 0) {
            throw new IllegalArgumentException("rows is " + rows);
        }
        this.rows = rows;
        this.shuffle = shuffle;
        this.seed = seed;
    }

    /** The row numbers [rows] of an epoch (counted from 0), each exactly once. */
    public int[] epoch(int epoch) {
        int[] order = new int[rows];
        for (int i = 0; i < rows; i++) {
            order[i] = i;
        }
        if (shuffle) {
            shuffle(order, CounterRandom.key(CounterRandom.key(seed, "row order"), epoch));
        }
        return order;
    }

    private static void shuffle(int[] order, long key) {
        for (int i = order.length - 1; i > 0; i--) {
            // The high half of a 64 x 64 bit product maps 64 random bits to [0, i]; its bias is below 2^-33.
            int j = (int) Math.unsignedMultiplyHigh(CounterRandom.bits(key, i), i + 1L);
            int kept = order[i];
            order[i] = order[j];
            order[j] = kept;
        }
    }
}
