package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.shapes.Shapes;
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

    static AttentionCall of(String op, Tensor q, Tensor k, Tensor v, Sequences sequences, AttentionShape shape) {
        Shapes.realMatrix(op + " q", q);
        Shapes.require(
                q.columns() % shape.heads() == 0 && q.columns() > 0,
                () -> "%s q is %s, which does not divide into %d heads.".formatted(op, q, shape.heads()));
        int width = q.columns() / shape.heads();
        Shapes.realMatrix(op + " k", k);
        Shapes.realMatrix(op + " k", k, k.rows(), (long) shape.kvHeads() * width);
        Shapes.realMatrix(op + " v", v, k.rows(), (long) shape.kvHeads() * width);
        whole(op + " queries", sequences.queryStarts(), q.rows());
        whole(op + " keys", sequences.keyStarts(), k.rows());
        return new AttentionCall(q.data(), k.data(), v.data(), sequences, shape, width);
    }

    private static void whole(String what, int[] starts, int rows) {
        Shapes.require(
                starts[0] == 0 && starts[starts.length - 1] == rows,
                () -> "%s: the sequences cover rows %d to %d, but there are %d."
                        .formatted(what, starts[0], starts[starts.length - 1], rows));
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
