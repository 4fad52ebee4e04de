package dev.lowrank.engine.data;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** How long rows (or the sides of pairs) are, in tokens before the cut. */
public final class LengthHistogram {
    private static final int CLASSES = 12;
    private static final long[] STEPS = {1, 2, 5};

    private final TreeMap<Integer, Long> counts = new TreeMap<>();
    private long rows;
    private long tokens;

    /**
     * One class.
     *
     * @param from shortest length in it
     * @param to longest length in it
     */
    public record Bucket(int from, int to, long rows) {}

    void add(int length) {
        counts.merge(length, 1L, Long::sum);
        rows++;
        tokens += length;
    }

    /**
     * At most a dozen classes of one round width (1, 2, 5, 10, 20, …) from the shortest row on, empty ones between others
     * included. The last one takes in all the few that are far longer than the rest.
     */
    public List<Bucket> buckets() {
        if (counts.isEmpty()) {
            return List.of();
        }
        int usual = percentile(0.99);
        long width = width(counts.firstKey(), usual);
        long begin = Math.floorDiv(counts.firstKey(), width) * width;
        List<Bucket> buckets = new ArrayList<>();
        for (long from = begin; from <= usual; from += width) {
            boolean last = from + width > usual;
            int to = last ? longest() : (int) (from + width - 1);
            buckets.add(new Bucket(
                    (int) from, Math.max(to, (int) Math.min(longest(), from + width - 1)), between(from, to)));
        }
        return buckets;
    }

    private static long width(int shortest, int usual) {
        for (long ten = 1; ; ten *= 10) {
            for (long step : STEPS) {
                if (usual / (ten * step) - shortest / (ten * step) < CLASSES) {
                    return ten * step;
                }
            }
        }
    }

    private long between(long from, long to) {
        return counts.subMap((int) from, true, (int) to, true).values().stream()
                .mapToLong(Long::longValue)
                .sum();
    }

    /** How many rows were counted. */
    public long rows() {
        return rows;
    }

    /** Tokens of all rows. */
    public long tokens() {
        return tokens;
    }

    /** Tokens of the shortest row; 0 if there is none. */
    public int shortest() {
        return counts.isEmpty() ? 0 : counts.firstKey();
    }

    /** Tokens of the longest row; 0 if there is none. */
    public int longest() {
        return counts.isEmpty() ? 0 : counts.lastKey();
    }

    /** The length that this share of the rows does not exceed; 0 if there is none. */
    public int percentile(double share) {
        long wanted = (long) Math.ceil(share * rows);
        long seen = 0;
        for (Map.Entry<Integer, Long> entry : counts.entrySet()) {
            seen += entry.getValue();
            if (seen >= wanted) {
                return entry.getKey();
            }
        }
        return 0;
    }
}
