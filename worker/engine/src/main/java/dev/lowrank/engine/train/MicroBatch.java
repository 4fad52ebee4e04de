package dev.lowrank.engine.train;

import java.util.Arrays;

/** The size of a micro-batch: all its tokens, in so many sequences. */
record MicroBatch(long tokens, long sequences) {
    /** Rows looked at; epochs beyond them are taken to be like those before. */
    private static final long MOST_ROWS = 1 << 20;

    /** The one of most tokens. */
    static MicroBatch largest(BatchPlan batches, Objective objective) {
        MicroBatch largest = new MicroBatch(0, 0);
        long seen = 0;
        for (int step = 0; step < batches.totalSteps() && seen < MOST_ROWS; step++) {
            for (int[] rows : batches.window(step)) {
                long tokens = Arrays.stream(rows).mapToLong(objective::tokens).sum();
                if (tokens > largest.tokens) {
                    largest = new MicroBatch(tokens, (long) rows.length * objective.sequencesOfRow());
                }
                seen += rows.length;
            }
        }
        return largest;
    }
}
