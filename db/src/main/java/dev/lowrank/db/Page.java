package dev.lowrank.db;

import java.util.List;

/** Part of a list, and whether more follows. */
public record Page<T>(List<T> items, boolean hasMore) {
    /** A page of {@code limit} items from a query that asked for one more. */
    public static <T> Page<T> of(List<T> oneMore, int limit) {
        return oneMore.size() > limit
                ? new Page<>(List.copyOf(oneMore.subList(0, limit)), true)
                : new Page<>(List.copyOf(oneMore), false);
    }
}
