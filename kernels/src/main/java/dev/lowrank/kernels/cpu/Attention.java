package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * Causal attention with grouped heads. Queries go in blocks of rows; a block looks only at the keys from the first that
 * its first query may see to the last that its last query may see. So about half of the work of the square is never
 * done, with a window all but a band of it, and scratch is a block times those keys.
 *
 * <p>Notation in one sequence: Q queries, K keys, D head width; query i stands at position {@code K - Q + i} and sees the
 * keys {@code [begin(i), end(i))}: up to its own position, and with a window no more than that many.
 */
final class Attention {
    /** Query rows that go through one product. */
    static final int BLOCK = 64;

    private final Team team;

    /** Query rows {@code [from, from + rows)} of one head and sequence, and the keys {@code [first, first + keys)}. */
    private record Block(int head, int kvHead, int sequence, int from, int rows, int first, int keys) {
        static Block of(AttentionCall c, int head, int sequence, int from, int to) {
            int first = c.begin(sequence, from);
            int kvHead = head / (c.heads() / c.kvHeads());
            return new Block(head, kvHead, sequence, from, to - from, first, c.end(sequence, to - 1) - first);
        }

        long query(AttentionCall c) {
            return c.query(sequence, head, from);
        }

        long key(AttentionCall c) {
            return c.key(sequence, kvHead, first);
        }

        /** Where row {@code i} of the block sees its first key, counted from the block's. */
        int begin(AttentionCall c, int i) {
            return c.begin(sequence, from + i) - first;
        }

        int end(AttentionCall c, int i) {
            return c.end(sequence, from + i) - first;
        }

        /** The place of row {@code i} in lse [N, H]. */
        long place(AttentionCall c, int i) {
            return (c.queryStart(sequence) + (long) from + i) * c.heads() + head;
        }
    }

    Attention(Team team) {
        this.team = team;
    }

    void forward(
            Tensor q, Tensor k, Tensor v, Sequences sequences, AttentionShape shape, Tensor out, @Nullable Tensor lse) {
        AttentionCall call = AttentionCall.of(q, k, v, sequences, shape);
        long total = call.cost(BLOCK) * shape.heads();
        int parts = team.parts(total * call.width());
        team.run(parts, part -> {
            float[] lanes = new float[Lanes.WIDTH];
            long before = 0;
            for (int head = 0; head < shape.heads(); head++) {
                for (int s = 0; s < sequences.count(); s++) {
                    int queries = call.queries(s);
                    for (int from = 0; from < queries; from += BLOCK) {
                        int to = Math.min(queries, from + BLOCK);
                        long cost = call.blockCost(s, from, to);
                        if (AttentionCall.owner(before, cost, total, parts) == part) {
                            forwardBlock(call, Block.of(call, head, s, from, to), part, lanes, out.data(), lse);
                        }
                        before += cost;
                    }
                }
            }
        });
    }

    /** {@code O = softmax(S) V} for a block. */
    private void forwardBlock(
            AttentionCall c, Block b, int part, float[] lanes, MemorySegment out, @Nullable Tensor lse) {
        int keys = b.keys;
        MemorySegment p = team.scratch(part, (long) b.rows * keys * Float.BYTES); // [rows, keys]
        float[] inverse = new float[b.rows];

        scores(c, b, p);
        for (int i = 0; i < b.rows; i++) {
            int begin = b.begin(c, i);
            int end = b.end(c, i);
            long row = (long) i * keys;
            if (c.shape().softCap() > 0) {
                SoftCap.cap(p, c.shape().softCap(), row + begin, row + end);
            }
            float max = Softmax.max(p, row + begin, end - begin);
            double sum = Softmax.expAndSum(p, row + begin, end - begin, max, lanes);
            clear(p, row, begin);
            clear(p, row + end, keys - end);
            inverse[i] = (float) (1 / sum);
            if (lse != null) {
                Lanes.set(lse.data(), b.place(c, i), (float) (max + StrictMath.log(sum)));
            }
        }
        long o = b.query(c);
        OneDnn.sgemm(
                false,
                false,
                b.rows,
                c.width(),
                keys,
                1,
                p.address(),
                keys,
                address(c.v(), b.key(c)),
                c.keyRow(),
                0,
                address(out, o),
                c.queryRow());
        for (int i = 0; i < b.rows; i++) {
            long row = o + i * c.queryRow();
            Elementwise.scale(out, inverse[i], row, row + c.width());
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
     * With a soft cap c, {@code S = c tanh(Z / c)} with {@code Z = scale Q K^T}, so dS is multiplied by
     * {@code dS/dZ = 1 - tanh^2 = 1 - (S / c)^2} before the last line. P is made again from the scores and the kept
     * log-sum-exp, {@code P = e^(S - lse)}; where a query does not see a key, P and dS are zero.
     *
     * <p>One job is one sequence and one key-value head, with all query heads of the group in order: dK and dV have one
     * writer and a fixed order.
     */
    void backward(
            Tensor dOut,
            Tensor q,
            Tensor k,
            Tensor v,
            Tensor out,
            Tensor lse,
            Sequences sequences,
            AttentionShape shape,
            Tensor dQ,
            Tensor dK,
            Tensor dV) {
        AttentionCall call = AttentionCall.of(q, k, v, sequences, shape);
        Gradients gradients = new Gradients(dOut.data(), out.data(), lse.data(), dQ.data(), dK.data(), dV.data());
        long total = call.cost(BLOCK) * shape.kvHeads();
        int parts = team.parts(call.cost(BLOCK) * shape.heads() * call.width());
        team.run(parts, part -> {
            float[] lanes = new float[Lanes.WIDTH];
            long before = 0;
            for (int kvHead = 0; kvHead < shape.kvHeads(); kvHead++) {
                for (int s = 0; s < sequences.count(); s++) {
                    long cost = call.cost(s, BLOCK);
                    if (AttentionCall.owner(before, cost, total, parts) == part) {
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

    private void backwardGroup(AttentionCall c, Gradients g, int kvHead, int s, int part, float[] lanes) {
        for (int j = 0; j < c.keys(s); j++) {
            clear(g.dK, c.key(s, kvHead, j), c.width());
            clear(g.dV, c.key(s, kvHead, j), c.width());
        }
        int group = c.heads() / c.kvHeads();
        int queries = c.queries(s);
        for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
            for (int from = 0; from < queries; from += BLOCK) {
                backwardBlock(c, g, Block.of(c, head, s, from, Math.min(queries, from + BLOCK)), part, lanes);
            }
        }
    }

    private void backwardBlock(AttentionCall c, Gradients g, Block b, int part, float[] lanes) {
        int rows = b.rows;
        int keys = b.keys;
        int width = c.width();
        long block = (long) rows * keys;
        MemorySegment memory = team.scratch(part, 2 * block * Float.BYTES);
        MemorySegment p = memory.asSlice(0, block * Float.BYTES); // [rows, keys]
        MemorySegment dS = memory.asSlice(block * Float.BYTES, block * Float.BYTES); // [rows, keys]
        long queryAt = b.query(c);
        long keyAt = b.key(c);
        long dO = address(g.dOut, queryAt);

        scores(c, b, p);
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
                address(c.v(), keyAt),
                c.keyRow(),
                0,
                dS.address(),
                keys);
        for (int i = 0; i < rows; i++) {
            int begin = b.begin(c, i);
            int end = b.end(c, i);
            long row = (long) i * keys;
            long o = queryAt + i * c.queryRow();
            float lse = Lanes.get(g.lse, b.place(c, i));
            float delta = Lanes.dot(g.dOut, o, g.out, o, width, lanes);
            if (c.shape().softCap() > 0) {
                SoftCap.cap(p, c.shape().softCap(), row + begin, row + end);
                capScoreGradient(
                        p, dS, row + begin, end - begin, delta, 1 / c.shape().softCap());
                probabilitiesAndScoreGradient(p, dS, row + begin, end - begin, lse, 0);
            } else {
                probabilitiesAndScoreGradient(p, dS, row + begin, end - begin, lse, delta);
            }
            clear(p, row, begin);
            clear(dS, row, begin);
            clear(p, row + end, keys - end);
            clear(dS, row + end, keys - end);
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
                c.shape().scale(),
                dS.address(),
                keys,
                address(c.k(), keyAt),
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
                c.shape().scale(),
                dS.address(),
                keys,
                address(c.q(), queryAt),
                c.queryRow(),
                1,
                address(g.dK, keyAt),
                c.keyRow());
    }

    /** {@code scale Q K^T} for a block, not yet capped. */
    private static void scores(AttentionCall c, Block b, MemorySegment target) {
        OneDnn.sgemm(
                false,
                true,
                b.rows,
                b.keys,
                c.width(),
                c.shape().scale(),
                address(c.q(), b.query(c)),
                c.queryRow(),
                address(c.k(), b.key(c)),
                c.keyRow(),
                0,
                target.address(),
                b.keys);
    }

    /** In one row: {@code dP = (dP - delta) (1 - (s / cap)^2)} from the capped scores s; P is still to be multiplied. */
    private static void capScoreGradient(
            MemorySegment s, MemorySegment dP, long at, int n, float delta, float inverseCap) {
        int whole = Lanes.whole(n);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            FloatVector slope = SoftCap.slope(Lanes.load(s, at + i), inverseCap);
            Lanes.store(Lanes.load(dP, at + i).sub(delta).mul(slope), dP, at + i);
        }
        for (int i = whole; i < n; i++) {
            float slope = SoftCap.slope(Lanes.get(s, at + i), inverseCap);
            Lanes.set(dP, at + i, (Lanes.get(dP, at + i) - delta) * slope);
        }
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

    private static void clear(MemorySegment data, long at, int count) {
        for (int i = 0; i < count; i++) {
            Lanes.set(data, at + i, 0);
        }
    }

    private static long address(MemorySegment data, long element) {
        return data.address() + element * Float.BYTES;
    }
}
