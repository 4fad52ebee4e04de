package dev.lowrank.kernels;

/**
 * How rows of a batch are divided into sequences. Sequences stand one after another without padding, and no query sees
 * a key of another sequence. Where a sequence has more keys than queries (a key-value cache, or a learned prefix), its
 * queries are the last ones: query {@code i} of {@code Q} sees keys {@code 0 … K - Q + i}.
 *
 * @param queryStarts first query row of each sequence, and the total as the last element; length S + 1
 * @param keyStarts the same for key and value rows
 */
public record Sequences(int[] queryStarts, int[] keyStarts) {
    public Sequences {
        if (queryStarts.length != keyStarts.length || queryStarts.length < 2) {
            throw new IllegalArgumentException("Query and key starts must describe the same sequences, at least one.");
        }
        for (int s = 0; s + 1 < queryStarts.length; s++) {
            int queries = queryStarts[s + 1] - queryStarts[s];
            int keys = keyStarts[s + 1] - keyStarts[s];
            if (queries < 0 || keys < queries) {
                throw new IllegalArgumentException(
                        "Sequence %d has %d queries and %d keys; keys must be at least as many."
                                .formatted(s, queries, keys));
            }
        }
    }

    /** Sequences whose keys are their own queries, as in training. */
    public static Sequences ofStarts(int[] starts) {
        return new Sequences(starts, starts);
    }

    public int count() {
        return queryStarts.length - 1;
    }

    /**
     * How many pairs of a query and a key that it sees there are in a head.
     *
     * @param window how many positions a query sees, its own included; 0 for every earlier one
     */
    public long pairs(int window) {
        long pairs = 0;
        for (int s = 0; s < count(); s++) {
            int queries = queryStarts[s + 1] - queryStarts[s];
            int keys = keyStarts[s + 1] - keyStarts[s];
            for (int seen = keys - queries + 1; seen <= keys; seen++) {
                pairs += window == 0 ? seen : Math.min(seen, window);
            }
        }
        return pairs;
    }
}
