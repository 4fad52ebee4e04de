package dev.lowrank.engine.train;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Of all micro-batches those that may take the most memory. It rises with the tokens, with the sequences and with the
 * longest of them, so what another one exceeds in all three need not be looked at.
 */
final class HeaviestBatches {
    /** Rows looked at; a run that goes through more is taken to meet its longest rows together. */
    private static final long MOST_ROWS = 1 << 24;

    private final RowLengths lengths;
    private final List<Batch> heaviest = new ArrayList<>();

    @SuppressWarnings("ArrayRecordComponent") // Nobody compares two of them.
    private record Batch(int[] rows, long tokens, int longest) {
        boolean exceeds(Batch other) {
            return tokens >= other.tokens && rows.length >= other.rows.length && longest >= other.longest;
        }
    }

    private HeaviestBatches(RowLengths lengths) {
        this.lengths = lengths;
    }

    /** Those of all steps, each a list of row numbers. */
    static List<int[]> trained(BatchPlan batches, RowLengths lengths, int microBatchSize) {
        HeaviestBatches found = new HeaviestBatches(lengths);
        long seen = 0;
        for (int step = 0; step < batches.totalSteps() && seen < MOST_ROWS; step++) {
            for (int[] rows : batches.window(step)) {
                found.add(rows);
                seen += rows.length;
            }
        }
        if (seen >= MOST_ROWS) {
            found.add(IntStream.range(0, lengths.size())
                    .boxed()
                    .sorted(Comparator.comparingInt(row -> -lengths.tokens(row)))
                    .limit(microBatchSize)
                    .mapToInt(row -> row)
                    .toArray());
        }
        return found.rows();
    }

    /** Those of an evaluation, which takes so many rows together in the order of the file. */
    static List<int[]> judged(RowLengths lengths, int together) {
        HeaviestBatches found = new HeaviestBatches(lengths);
        for (int from = 0; from < lengths.size(); from += together) {
            found.add(IntStream.range(from, Math.min(from + together, lengths.size()))
                    .toArray());
        }
        return found.rows();
    }

    private void add(int[] rows) {
        Batch batch = new Batch(
                rows,
                Arrays.stream(rows).mapToLong(lengths::tokens).sum(),
                Arrays.stream(rows).map(lengths::longest).max().orElse(0));
        if (heaviest.stream().noneMatch(other -> other.exceeds(batch))) {
            heaviest.removeIf(batch::exceeds);
            heaviest.add(batch);
        }
    }

    private List<int[]> rows() {
        return heaviest.stream().map(Batch::rows).toList();
    }
}
