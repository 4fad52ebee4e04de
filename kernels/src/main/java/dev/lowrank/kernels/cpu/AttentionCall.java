package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * What a call of attention was given, and what follows from it: where rows begin, and which keys a query sees. Places are
 * counted in elements.
 */
record AttentionCall(
        MemorySegment q, MemorySegment k, MemorySegment v, Sequences sequences, AttentionShape shape, int width) {
    int heads() {
        return shape.heads();
    }

    int kvHeads() {
        return shape.kvHeads();
    }

    long queryRow() {
        return (long) heads() * width;
    }

    long keyRow() {
        return (long) kvHeads() * width;
    }

    int queryStart(int sequence) {
        return sequences.queryStarts()[sequence];
    }

    int keyStart(int sequence) {
        return sequences.keyStarts()[sequence];
    }

    int queries(int sequence) {
        return queryStart(sequence + 1) - queryStart(sequence);
    }

    int keys(int sequence) {
        return keyStart(sequence + 1) - keyStart(sequence);
    }

    /** The first key that query {@code i} of the sequence sees. */
    int begin(int sequence, int i) {
        return shape.window() == 0 ? 0 : Math.max(0, end(sequence, i) - shape.window());
    }

    /** The key after the last one that query {@code i} of the sequence sees. */
    int end(int sequence, int i) {
        return keys(sequence) - queries(sequence) + i + 1;
    }

    /** The keys that a block of query rows looks at, times the rows. */
    long blockCost(int sequence, int from, int to) {
        return (long) (to - from) * (end(sequence, to - 1) - begin(sequence, from));
    }

    /** The same for all blocks of a sequence, each of {@code block} rows. */
    long cost(int sequence, int block) {
        long total = 0;
        int queries = queries(sequence);
        for (int from = 0; from < queries; from += block) {
            total += blockCost(sequence, from, Math.min(queries, from + block));
        }
        return total;
    }

    /** The same for all sequences. */
    long cost(int block) {
        long total = 0;
        for (int s = 0; s < sequences.count(); s++) {
            total += cost(s, block);
        }
        return total;
    }

    /** The element where the head's part of the sequence's query row {@code i} begins. */
    long query(int sequence, int head, int i) {
        return (queryStart(sequence) + (long) i) * queryRow() + (long) head * width;
    }

    /** The element where the key-value head's part of the sequence's key {@code j} begins. */
    long key(int sequence, int kvHead, int j) {
        return (keyStart(sequence) + (long) j) * keyRow() + (long) kvHead * width;
    }

    static AttentionCall of(Tensor q, Tensor k, Tensor v, Sequences sequences, AttentionShape shape) {
        return new AttentionCall(q.data(), k.data(), v.data(), sequences, shape, q.columns() / shape.heads());
    }

    /** The part that does a job: jobs in order, cut where equal shares of the cost end. */
    static int owner(long before, long cost, long total, int parts) {
        // A job without cost may stand after all others.
        return Math.min(parts - 1, (int) ((before + cost / 2) * parts / Math.max(1, total)));
    }

    /** Whether scores are scaled, and capped, before their exponentials are taken; otherwise the scale is part of the exponent. */
    boolean scaledAhead() {
        return shape.softCap() > 0 || !(shape.scale() > 0);
    }
}
