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

    /** Where a block's rows of q, dOut or the like are. */
    RowPasses.Place place(int kvHead, int sequence, int from, int queries) {
        return new RowPasses.Place(
                call.query(sequence, kvHead * group, from), call.queryRow(), queries, group, call.width());
    }

    /** Where those of 64 keys lie that there are. */
    RowPasses.Place keys(int kvHead, int sequence, int first) {
        return new RowPasses.Place(
                call.key(sequence, kvHead, first), call.keyRow(), keysFrom(sequence, first), 1, call.width());
    }

    /** Sets the rows of a block that it has no queries for to zero. */
    void clearOthers(MemorySegment block, int queries) {
        int there = queries * group;
        Bf16Layout.clear(block, (long) there * columns, (long) (rows(queries) - there) * columns);
    }

    /** Rows as they lie: elements from one to the next. */
    record Rows(MemorySegment data, long from, long stride) {}

    /** Whether 64 keys from {@code first} on, [64, columns], can be read and written where they lie. */
    boolean inPlace(int sequence, int first) {
        return keysFrom(sequence, first) == Bf16Layout.KEYS && call.width() == columns;
    }

    /** Where keys of k, v, dK or dV lie. */
    Rows place(MemorySegment tensor, int kvHead, int sequence, int first) {
        return new Rows(tensor, call.key(sequence, kvHead, first), call.keyRow());
    }

    /** The 64 keys of k or v from {@code first} on: where they lie, or copied where zeros must be filled in. */
    Rows keys(MemorySegment source, int kvHead, int sequence, int first, MemorySegment copy) {
        if (inPlace(sequence, first)) {
            return place(source, kvHead, sequence, first);
        }
        int there = keysFrom(sequence, first);
        for (int j = 0; j < there; j++) {
            long at = call.key(sequence, kvHead, first + j);
            Bf16Layout.row(source, at, call.width(), copy, (long) j * columns, columns);
        }
        Bf16Layout.clear(copy, (long) there * columns, (long) (Bf16Layout.KEYS - there) * columns);
        return new Rows(copy, 0, columns);
    }

    /** Writes those of 64 keys of dK or dV that there are, from [64, columns]. */
    void writeKeys(MemorySegment copy, int kvHead, int sequence, int first, MemorySegment target) {
        for (int j = 0; j < keysFrom(sequence, first); j++) {
            long at = call.key(sequence, kvHead, first + j);
            Bf16Layout.row(copy, (long) j * columns, call.width(), target, at, call.width());
        }
    }

    private int keysFrom(int sequence, int first) {
        return Math.min(Bf16Layout.KEYS, call.keys(sequence) - first);
    }
}
