package dev.lowrank.engine.data;

import java.util.ArrayList;
import java.util.List;

/** How long rows are, in tokens before the cut, in classes that double: 1, 2, 3 to 4, 5 to 8, … */
public final class LengthHistogram {
    private final long[] counts = new long[32];
    private long rows;
    private long tokens;
    private int longest;

    /**
     * One class.
     *
     * @param from shortest length in it
     * @param to longest length in it
     */
    public record Bucket(int from, int to, long rows) {}

    void add(int length) {
        counts[length <= 1 ? 0 : 32 - Integer.numberOfLeadingZeros(length - 1)]++;
        rows++;
        tokens += length;
        longest = Math.max(longest, length);
    }

    /** The classes from the shortest row to the longest, empty ones between them included. */
    public List<Bucket> buckets() {
        List<Bucket> buckets = new ArrayList<>();
        for (int i = 0; i < counts.length; i++) {
            if (counts[i] > 0 || (!buckets.isEmpty() && (1L << (i - 1)) < longest)) {
                int to = (int) Math.min(Integer.MAX_VALUE, 1L << i);
                buckets.add(new Bucket(i == 0 ? 0 : (1 << (i - 1)) + 1, to, counts[i]));
            }
        }
        return buckets;
    }

    /** How many rows were counted. */
    public long rows() {
        return rows;
    }

    /** Tokens of all rows. */
    public long tokens() {
        return tokens;
    }

    /** Tokens of the longest row. */
    public int longest() {
        return longest;
    }
}
