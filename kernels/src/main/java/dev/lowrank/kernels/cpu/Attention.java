package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * Causal attention with grouped heads. Queries go in blocks of rows; a block looks only at the keys that its last query
 * may see, so about half of the work of the square is never done and scratch is a block times the keys.
 *
 * <p>Notation in one sequence: Q queries, K keys, D head width; query i sees keys {@code [0, K - Q + i]}.
 */
final class Attention {
    /** Query rows that go through one product. */
    private static final int BLOCK = 64;

    private final Team team;

    /** What a call was given, and the row widths: {@code H * D} of queries and {@code G * D} of keys. */
    private record Call(
            MemorySegment q,
            MemorySegment k,
            MemorySegment v,
            Sequences sequences,
            int heads,
            int kvHeads,
            int width,
            float scale) {
        long queryRow() {
            return (long) heads * width;
        }

        long keyRow() {
            return (long) kvHeads * width;
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

        /** Keys that query {@code i} of the sequence sees. */
        int visible(int sequence, int i) {
            return keys(sequence) - queries(sequence) + i + 1;
        }

        /** The element where the head's part of the sequence's query row {@code i} begins. */
        long query(int sequence, int head, int i) {
            return (queryStart(sequence) + (long) i) * queryRow() + (long) head * width;
        }

        /** The element where the key-value head's part of the sequence's first key begins. */
        long key(int sequence, int kvHead) {
            return keyStart(sequence) * keyRow() + (long) kvHead * width;
        }

        long operations() {
            long pairs = 0;
            for (int s = 0; s < sequences.count(); s++) {
                pairs += (long) queries(s) * keys(s);
            }
            return pairs * heads * width;
        }
    }

    Attention(Team team) {
        this.team = team;
    }

    void forward(
            Tensor q,
            Tensor k,
            Tensor v,
            Sequences sequences,
            int heads,
            int kvHeads,
            float scale,
            Tensor out,
            @Nullable Tensor lse) {
        Call call = call("attention", q, k, v, sequences, heads, kvHeads, scale);
        Shapes.matrix("attention out", out, q.rows(), q.columns());
        if (lse != null) {
            Shapes.matrix("attention lse", lse, q.rows(), heads);
        }
        int parts = team.parts(call.operations());
        long total = forwardCost(call);
        team.run(parts, part -> {
            float[] lanes = new float[Lanes.WIDTH];
            long before = 0;
            for (int head = 0; head < heads; head++) {
                for (int s = 0; s < sequences.count(); s++) {
                    int queries = call.queries(s);
                    for (int from = 0; from < queries; from += BLOCK) {
                        int to = Math.min(queries, from + BLOCK);
                        long cost = (long) (to - from) * call.visible(s, to - 1);
                        if (owner(before, cost, total, parts) == part) {
                            forwardBlock(call, head, s, from, to, part, lanes, out.data(), lse);
                        }
                        before += cost;
                    }
                }
            }
        });
    }

    /** One head's query rows {@code [from, to)} of a sequence: {@code O = softmax(scale Q K^T) V}. */
    private void forwardBlock(
            Call c,
            int head,
            int s,
            int from,
            int to,
            int part,
            float[] lanes,
            MemorySegment out,
            @Nullable Tensor lse) {
        int rows = to - from;
        int keys = c.visible(s, to - 1);
        int kvHead = head / (c.heads / c.kvHeads);
        MemorySegment p = team.scratch(part, (long) rows * keys * Float.BYTES); // [rows, keys]
        float[] inverse = new float[rows];

        scores(c, head, kvHead, s, from, rows, keys, p);
        for (int i = 0; i < rows; i++) {
            int seen = c.visible(s, from + i);
            long row = (long) i * keys;
            float max = Softmax.max(p, row, seen);
            double sum = Softmax.expAndSum(p, row, seen, max, lanes);
            clear(p, row + seen, keys - seen);
            inverse[i] = (float) (1 / sum);
            if (lse != null) {
                long place = (c.queryStart(s) + (long) from + i) * c.heads + head;
                Lanes.set(lse.data(), place, (float) (max + StrictMath.log(sum)));
            }
        }
        long o = c.query(s, head, from);
        OneDnn.sgemm(
                false,
                false,
                rows,
                c.width,
                keys,
                1,
                p.address(),
                keys,
                address(c.v, c.key(s, kvHead)),
                c.keyRow(),
                0,
                address(out, o),
                c.queryRow());
        for (int i = 0; i < rows; i++) {
            long row = o + i * c.queryRow();
            Elementwise.scale(out, inverse[i], row, row + c.width);
        }
    }

    /**
     * Derivation, for one head: {@code S = scale Q K^T}, {@code P = softmax(S)} row by row, {@code O = P V}. From O,
     * {@code dV = P^T dO} and {@code dP = dO V^T}. The softmax of a row has {@code dP_j / dS_i = P_j (1[i=j] - P_i)}, so
     *
     * <pre>
     * dS_i = sum_j dP_j P_j (1[i=j] - P_i) = P_i (dP_i - sum_j P_j dP_j)
     * sum_j P_j dP_j = sum_j P_j (dO . V_j) = dO . O = delta
     * dQ = scale dS K,  dK = scale dS^T Q
     * </pre>
     *
     * P is made again from the scores and the kept log-sum-exp, {@code P = e^(S - lse)}. One job is one sequence and one
     * key-value head, with all query heads of the group in order: dK and dV have one writer and a fixed order.
     */
    void backward(
            Tensor dOut,
            Tensor q,
            Tensor k,
            Tensor v,
            Tensor out,
            Tensor lse,
            Sequences sequences,
            int heads,
            int kvHeads,
            float scale,
            Tensor dQ,
            Tensor dK,
            Tensor dV) {
        Call call = call("attentionBackward", q, k, v, sequences, heads, kvHeads, scale);
        Shapes.matrix("attentionBackward dOut", dOut, q.rows(), q.columns());
        Shapes.matrix("attentionBackward out", out, q.rows(), q.columns());
        Shapes.matrix("attentionBackward lse", lse, q.rows(), heads);
        Shapes.matrix("attentionBackward dQ", dQ, q.rows(), q.columns());
        Shapes.matrix("attentionBackward dK", dK, k.rows(), k.columns());
        Shapes.matrix("attentionBackward dV", dV, k.rows(), k.columns());
        for (int s = 0; s < sequences.count(); s++) {
            Shapes.require(
                    call.queries(s) == call.keys(s),
                    "attentionBackward needs as many queries as keys, but sequence %d has %d and %d."
                            .formatted(s, call.queries(s), call.keys(s)));
        }
        Gradients gradients = new Gradients(dOut.data(), out.data(), lse.data(), dQ.data(), dK.data(), dV.data());
        int parts = team.parts(call.operations());
        long total = backwardCost(call);
        team.run(parts, part -> {
            float[] lanes = new float[Lanes.WIDTH];
            long before = 0;
            for (int kvHead = 0; kvHead < kvHeads; kvHead++) {
                for (int s = 0; s < sequences.count(); s++) {
                    long cost = (long) call.queries(s) * call.keys(s);
                    if (cost > 0 && owner(before, cost, total, parts) == part) {
                        backwardGroup(call, gradients, kvHead, s, part, lanes);
                    }
                    before += cost;
                }
            }
        });
    }

    private record Gradients(
            MemorySegment dOut,
            MemorySegment out,
            MemorySegment lse,
            MemorySegment dQ,
            MemorySegment dK,
            MemorySegment dV) {}

    private void backwardGroup(Call c, Gradients g, int kvHead, int s, int part, float[] lanes) {
        long keyAt = c.key(s, kvHead);
        for (int i = 0; i < c.keys(s); i++) {
            clear(g.dK, keyAt + i * c.keyRow(), c.width);
            clear(g.dV, keyAt + i * c.keyRow(), c.width);
        }
        int group = c.heads / c.kvHeads;
        int queries = c.queries(s);
        for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
            for (int from = 0; from < queries; from += BLOCK) {
                backwardBlock(c, g, head, kvHead, s, from, Math.min(queries, from + BLOCK), part, lanes);
            }
        }
    }

    private void backwardBlock(
            Call c, Gradients g, int head, int kvHead, int s, int from, int to, int part, float[] lanes) {
        int rows = to - from;
        int keys = c.visible(s, to - 1);
        int width = c.width;
        long block = (long) rows * keys;
        MemorySegment memory = team.scratch(part, 2 * block * Float.BYTES);
        MemorySegment p = memory.asSlice(0, block * Float.BYTES); // [rows, keys]
        MemorySegment dS = memory.asSlice(block * Float.BYTES, block * Float.BYTES); // [rows, keys]
        long queryAt = c.query(s, head, from);
        long keyAt = c.key(s, kvHead);
        long dO = address(g.dOut, queryAt);

        scores(c, head, kvHead, s, from, rows, keys, p);
        // dP = dO V^T
        OneDnn.sgemm(
                false,
                true,
                rows,
                keys,
                width,
                1,
                dO,
                c.queryRow(),
                address(c.v, keyAt),
                c.keyRow(),
                0,
                dS.address(),
                keys);
        for (int i = 0; i < rows; i++) {
            int seen = c.visible(s, from + i);
            long row = (long) i * keys;
            long place = (c.queryStart(s) + (long) from + i) * c.heads + head;
            long o = queryAt + i * c.queryRow();
            float delta = Lanes.dot(g.dOut, o, g.out, o, width, lanes);
            probabilitiesAndScoreGradient(p, dS, row, seen, Lanes.get(g.lse, place), delta);
            clear(p, row + seen, keys - seen);
            clear(dS, row + seen, keys - seen);
        }
        // dV += P^T dO
        OneDnn.sgemm(
                true,
                false,
                keys,
                width,
                rows,
                1,
                p.address(),
                keys,
                dO,
                c.queryRow(),
                1,
                address(g.dV, keyAt),
                c.keyRow());
        // dQ = scale dS K
        OneDnn.sgemm(
                false,
                false,
                rows,
                width,
                keys,
                c.scale,
                dS.address(),
                keys,
                address(c.k, keyAt),
                c.keyRow(),
                0,
                address(g.dQ, queryAt),
                c.queryRow());
        // dK += scale dS^T Q
        OneDnn.sgemm(
                true,
                false,
                keys,
                width,
                rows,
                c.scale,
                dS.address(),
                keys,
                address(c.q, queryAt),
                c.queryRow(),
                1,
                address(g.dK, keyAt),
                c.keyRow());
    }

    /** {@code S = scale Q K^T} for a block of query rows and the first {@code keys} keys. */
    private static void scores(
            Call c, int head, int kvHead, int s, int from, int rows, int keys, MemorySegment target) {
        OneDnn.sgemm(
                false,
                true,
                rows,
                keys,
                c.width,
                c.scale,
                address(c.q, c.query(s, head, from)),
                c.queryRow(),
                address(c.k, c.key(s, kvHead)),
                c.keyRow(),
                0,
                target.address(),
                keys);
    }

    /** In one row: {@code p = e^(s - lse)} over the scores, {@code dS = p (dP - delta)} over dP. */
    private static void probabilitiesAndScoreGradient(
            MemorySegment p, MemorySegment dS, long at, int n, float lse, float delta) {
        int whole = Lanes.whole(n);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            FloatVector e = Exp.exp(Lanes.load(p, at + i).sub(lse));
            Lanes.store(e, p, at + i);
            Lanes.store(Lanes.load(dS, at + i).sub(delta).mul(e), dS, at + i);
        }
        for (int i = whole; i < n; i++) {
            float e = Exp.exp(Lanes.get(p, at + i) - lse);
            Lanes.set(p, at + i, e);
            Lanes.set(dS, at + i, (Lanes.get(dS, at + i) - delta) * e);
        }
    }

    private static Call call(
            String op, Tensor q, Tensor k, Tensor v, Sequences sequences, int heads, int kvHeads, float scale) {
        Shapes.matrix(op + " q", q);
        Shapes.require(
                kvHeads > 0 && heads > 0 && heads % kvHeads == 0,
                "%s: %d query heads do not divide over %d key-value heads.".formatted(op, heads, kvHeads));
        Shapes.require(
                q.columns() % heads == 0 && q.columns() > 0,
                "%s q is %s, which does not divide into %d heads.".formatted(op, q, heads));
        int width = q.columns() / heads;
        Shapes.matrix(op + " k", k);
        Shapes.matrix(op + " k", k, k.rows(), (long) kvHeads * width);
        Shapes.matrix(op + " v", v, k.rows(), (long) kvHeads * width);
        whole(op + " queries", sequences.queryStarts(), q.rows());
        whole(op + " keys", sequences.keyStarts(), k.rows());
        return new Call(q.data(), k.data(), v.data(), sequences, heads, kvHeads, width, scale);
    }

    private static void whole(String what, int[] starts, int rows) {
        Shapes.require(
                starts[0] == 0 && starts[starts.length - 1] == rows,
                "%s: the sequences cover rows %d to %d, but there are %d."
                        .formatted(what, starts[0], starts[starts.length - 1], rows));
    }

    /** The part that does a job: jobs in order, cut where equal shares of the cost end. */
    private static int owner(long before, long cost, long total, int parts) {
        return (int) ((before + cost / 2) * parts / Math.max(1, total));
    }

    private static long forwardCost(Call c) {
        long total = 0;
        for (int s = 0; s < c.sequences.count(); s++) {
            for (int from = 0; from < c.queries(s); from += BLOCK) {
                int to = Math.min(c.queries(s), from + BLOCK);
                total += (long) (to - from) * c.visible(s, to - 1);
            }
        }
        return total * c.heads;
    }

    private static long backwardCost(Call c) {
        long total = 0;
        for (int s = 0; s < c.sequences.count(); s++) {
            total += (long) c.queries(s) * c.keys(s);
        }
        return total * c.kvHeads;
    }

    private static void clear(MemorySegment data, long at, int count) {
        for (int i = 0; i < count; i++) {
            Lanes.set(data, at + i, 0);
        }
    }

    private static long address(MemorySegment data, long element) {
        return data.address() + element * Float.BYTES;
    }
}
