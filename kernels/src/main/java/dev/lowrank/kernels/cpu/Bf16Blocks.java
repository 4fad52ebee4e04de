package dev.lowrank.kernels.cpu;

import java.lang.foreign.MemorySegment;

/**
 * How {@link Bf16Attention} divides a call: a block is some queries of a sequence with all heads of a group, so that one
 * product serves the group. Its rows are (query, head of the group), 32, 64, 128 or all that a full block has; rows beyond
 * those there are hold zeros. With keys in multiples of 64 this bounds how many forms of product there are.
 */
final class Bf16Blocks {
    static final int ROWS = 128;
    private static final int QUERIES = 128;

    private final AttentionCall call;
    private final int group;
    private final int columns;
    private final int queries;
    private final int rows;

    Bf16Blocks(AttentionCall call) {
        this.call = call;
        group = call.heads() / call.kvHeads();
        columns = Bf16Layout.padded(call.width());
        queries = Math.min(QUERIES, Math.max(1, Integer.highestOneBit(ROWS / group)));
        rows = Bf16Layout.padded(queries * group);
    }

    AttentionCall call() {
        return call;
    }

    /** Query heads of a key-value head. */
    int group() {
        return group;
    }

    /** Columns of a row: the head width filled up. */
    int columns() {
        return columns;
    }

    /** Queries of a full block. */
    int queries() {
        return queries;
    }

    /** Rows of a full block. */
    int rows() {
        return rows;
    }

    /** Rows of a block of so many queries. */
    int rows(int queries) {
        int needed = queries * group;
        for (int some = 32; some <= 128 && some < rows; some *= 2) {
            if (needed <= some) {
                return some;
            }
        }
        return rows;
    }

    /** Where a block's keys begin, and where every tile of keys may: a multiple of 64. */
    int first(int sequence, int from) {
        return call.begin(sequence, from) & -Bf16Layout.KEYS;
    }

    /** The end of the keys of a block, filled up. */
    int end(int sequence, int to) {
        return filled(call.end(sequence, to - 1));
    }

    static int filled(int keys) {
        return keys + Bf16Layout.KEYS - 1 & -Bf16Layout.KEYS;
    }

    /** The keys of the longest sequence, filled up. */
    int longest() {
        int longest = 0;
        for (int s = 0; s < call.sequences().count(); s++) {
            longest = Math.max(longest, call.keys(s));
        }
        return filled(longest);
    }

    /** The most keys that a block looks at, filled up. */
    int mostKeys() {
        int window = call.shape().window();
        return window == 0
                ? longest()
                : (int) Math.min(longest(), filled(Bf16Layout.KEYS) + (window + (long) queries + 63 & -64));
    }

    /** Copies a block's rows of q, dOut or the like: to [rows(queries), columns]. */
    void gather(MemorySegment source, int kvHead, int sequence, int from, int queries, MemorySegment target) {
        long at = call.query(sequence, kvHead * group, from);
        long step = call.queryRow();
        int width = call.width();
        int together = width == columns ? group : 1; // Heads of a query that lie side by side in both.
        int count = together * width;
        long row = 0;
        for (int i = 0; i < queries; i++, at += step) {
            for (int h = 0; h < group; h += together) {
                Bf16Layout.row(source, at + (long) h * width, count, target, row, together * columns);
                row += (long) together * columns;
            }
        }
        Bf16Layout.clear(target, row, (long) rows(queries) * columns - row);
    }

    /**
     * Writes a block's rows of out, dQ or the like: {@code factors[row] * source[row]}, rounded, from [rows, columns] in fp32.
     */
    void scatter(
            MemorySegment source,
            float[] factors,
            int kvHead,
            int sequence,
            int from,
            int queries,
            MemorySegment target) {
        long at = call.query(sequence, kvHead * group, from);
        long step = call.queryRow();
        int width = call.width();
        int row = 0;
        for (int i = 0; i < queries; i++, at += step) {
            for (int h = 0; h < group; h++, row++) {
                Bf16Layout.round(source, (long) row * columns, factors[row], target, at + (long) h * width, width);
            }
        }
    }

    /** Copies 64 keys of k or v from {@code first} on, zeros after the sequence's last: to [64, columns]. */
    void gatherKeys(MemorySegment source, int kvHead, int sequence, int first, MemorySegment target) {
        int there = Math.min(Bf16Layout.KEYS, call.keys(sequence) - first);
        int width = call.width();
        long at = call.key(sequence, kvHead, first);
        long step = call.keyRow();
        for (int j = 0; j < there; j++, at += step) {
            Bf16Layout.row(source, at, width, target, (long) j * columns, columns);
        }
        Bf16Layout.clear(target, (long) there * columns, (long) (Bf16Layout.KEYS - there) * columns);
    }
}
