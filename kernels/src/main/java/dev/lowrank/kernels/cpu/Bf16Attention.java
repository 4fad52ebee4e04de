package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.cpu.StripProduct.Factors;
import dev.lowrank.kernels.cpu.StripProduct.Target;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * {@link Attention} on BF16 tensors, its products by the processor's BF16 instructions: scores and sums are fp32, the
 * exponentials are rounded to BF16 before they multiply V, and the sum of them, taken before rounding, divides at the end.
 *
 * <p>K and V are packed once for a group of query heads, as far as its blocks look ({@link Bf16Blocks}). Scores of a block
 * lie in chunks of up to 512 keys, [rows, 512] each, and become exponentials where they are.
 */
final class Bf16Attention {
    /** Keys of one product. */
    private static final int CHUNK = 512;

    /** Floats from one row of scores to the next: not a power of two, or all rows would compete for the same cache lines. */
    private static final int STRIDE = CHUNK + 16;

    private final Team team;
    private final AttentionTools[] tools;

    /** @param tools one for each part of the team */
    Bf16Attention(Team team, AttentionTools[] tools) {
        this.team = team;
        this.tools = tools;
    }

    void forward(
            Tensor q, Tensor k, Tensor v, Sequences sequences, AttentionShape shape, Tensor out, @Nullable Tensor lse) {
        AttentionCall call = AttentionCall.of("attention", q, k, v, sequences, shape);
        Shapes.realMatrix("attention out", out, q.rows(), q.columns());
        if (lse != null) {
            Shapes.matrix("attention lse", lse, q.rows(), shape.heads());
        }
        Bf16Blocks blocks = new Bf16Blocks(call);
        int block = blocks.queries();
        long total = call.cost(block) * shape.kvHeads();
        int parts = team.parts(total * blocks.group() * call.width());
        team.run(parts, part -> {
            Forward forward = new Forward(blocks, part, out.data(), lse == null ? null : lse.data());
            long before = 0;
            for (int kvHead = 0; kvHead < shape.kvHeads(); kvHead++) {
                for (int s = 0; s < sequences.count(); s++) {
                    int queries = call.queries(s);
                    for (int from = 0; from < queries; from += block) {
                        int to = Math.min(queries, from + block);
                        long cost = call.blockCost(s, from, to);
                        if (AttentionCall.owner(before, cost, total, parts) == part) {
                            forward.run(kvHead, s, from, to);
                        }
                        before += cost;
                    }
                }
            }
        });
    }

    /** One part's share of a call. */
    private final class Forward {
        private final Bf16Blocks blocks;
        private final AttentionCall call;
        private final StripProduct product;
        private final MemorySegment out;
        private final @Nullable MemorySegment lse;
        private final int columns;
        private final int longest;

        private final MemorySegment q; // [rows, columns]
        private final MemorySegment keys; // K^T packed: [longest / 32][columns / 32][16][32][2]
        private final MemorySegment values; // V packed: [columns / 32][longest / 32][16][32][2]
        private final MemorySegment staged; // [64, columns]
        private final MemorySegment scores; // fp32 [chunks][rows, STRIDE]
        private final MemorySegment o; // fp32 [rows, columns]
        private final ScorePasses passes;
        private final float[] inverse;

        private int packedHead = -1;
        private int packedSequence = -1;
        private int packedTo;

        Forward(Bf16Blocks blocks, int part, MemorySegment out, @Nullable MemorySegment lse) {
            this.blocks = blocks;
            this.call = blocks.call();
            this.product = tools[part].product();
            this.passes = tools[part].passes();
            this.out = out;
            this.lse = lse;
            columns = blocks.columns();
            longest = blocks.longest();
            long rows = blocks.rows();
            long chunks = (blocks.mostKeys() + CHUNK - 1) / CHUNK;
            Carving memory = new Carving(team, part);
            Carving.Piece forQ = memory.shorts(rows * columns);
            Carving.Piece forKeys = memory.shorts((long) longest * columns);
            Carving.Piece forValues = memory.shorts((long) longest * columns);
            Carving.Piece forStaged = memory.shorts((long) Bf16Layout.KEYS * columns);
            Carving.Piece forScores = memory.floats(chunks * rows * STRIDE);
            Carving.Piece forO = memory.floats(rows * columns);
            MemorySegment whole = memory.take();
            q = forQ.of(whole);
            keys = forKeys.of(whole);
            values = forValues.of(whole);
            staged = forStaged.of(whole);
            scores = forScores.of(whole);
            o = forO.of(whole);
            inverse = new float[blocks.rows()];
        }

        /** {@code O = softmax(S) V} for the queries {@code [from, to)} and the query heads of a key-value head. */
        void run(int kvHead, int s, int from, int to) {
            int queries = to - from;
            int rows = blocks.rows(queries);
            int first = blocks.first(s, from);
            int end = blocks.end(s, to);
            pack(kvHead, s, first, end);
            blocks.gather(call.q(), kvHead, s, from, queries, q);
            for (int key = first; key < end; key += CHUNK) {
                scores(rows, key, Math.min(CHUNK, end - key), (key - first) / CHUNK);
            }
            int row = 0;
            for (int i = from; i < to; i++) {
                int begin = call.begin(s, i) - first;
                int after = call.end(s, i) - first;
                long place = (call.queryStart(s) + (long) i) * call.heads() + (long) kvHead * blocks.group();
                for (int h = 0; h < blocks.group(); h++, row++) {
                    softmax(row, rows, begin, after, end - first, place + h);
                }
            }
            for (; row < rows; row++) {
                for (int from0 = 0; from0 < end - first; from0 += CHUNK) {
                    clear(row(row, rows, from0), 0, Math.min(CHUNK, end - first - from0));
                }
            }
            for (int key = first; key < end; key += CHUNK) {
                weightedValues(rows, key, Math.min(CHUNK, end - key), (key - first) / CHUNK);
            }
            blocks.scatter(o, inverse, kvHead, s, from, queries, out);
        }

        /** Where a row's part of a chunk begins, in floats. */
        private long row(int row, int rows, int key) {
            return ((long) (key / CHUNK) * rows + row) * STRIDE;
        }

        /** {@code S = Q K^T} for some keys, not yet scaled. */
        private void scores(int rows, int key, int count, int chunk) {
            Factors factors = new Factors(
                    q.address(),
                    columns,
                    keys.address() + Bf16Layout.columnBytes(key, columns),
                    Bf16Layout.pitch(columns),
                    columns);
            product.run(rows, count, factors, null, new Target(chunk(chunk, rows), STRIDE, false), false);
        }

        /** {@code O (+)= P V} for some keys. */
        private void weightedValues(int rows, int key, int count, int chunk) {
            Factors factors = new Factors(
                    chunk(chunk, rows),
                    2 * STRIDE,
                    values.address() + Bf16Layout.pitch(key),
                    Bf16Layout.pitch(longest),
                    count);
            product.run(rows, columns, factors, null, new Target(o.address(), columns, false), chunk > 0);
        }

        private long chunk(int chunk, int rows) {
            return scores.address() + (long) chunk * rows * STRIDE * Float.BYTES;
        }

        /** The exponentials of one row that sees the keys {@code [begin, end)} of {@code count}, and what belongs to it. */
        private void softmax(int row, int rows, int begin, int end, int count, long place) {
            float scale = call.shape().scale();
            float cap = call.shape().softCap();
            boolean ahead = cap > 0 || !(scale > 0);
            float factor = ahead ? 1 : scale;
            float max = Float.NEGATIVE_INFINITY;
            for (int key = begin & -CHUNK; key < end; key += CHUNK) {
                long at = row(row, rows, key);
                int from = Math.max(0, begin - key);
                int to = Math.min(CHUNK, end - key);
                int low = from & -Bf16Softmax.STEP;
                int high = to + Bf16Softmax.STEP - 1 & -Bf16Softmax.STEP;
                if (ahead) {
                    Bf16Softmax.scaleAndCap(scores, at, from, to, scale, cap);
                }
                Bf16Softmax.hide(scores, at, low, from);
                Bf16Softmax.hide(scores, at, to, high);
                float one = Bf16Softmax.max(scores, at, low, high);
                max = one > max ? one : max;
            }
            float base = factor * Bf16Softmax.LOG2_E;
            double sum = 0;
            for (int key = 0; key < count; key += CHUNK) {
                long at = row(row, rows, key);
                int width = Math.min(CHUNK, count - key);
                int low = Math.clamp(begin - key, 0, width) & -Bf16Softmax.STEP;
                int high = Math.clamp(end - key, 0, width) + Bf16Softmax.STEP - 1 & -Bf16Softmax.STEP;
                if (low < high) {
                    sum += passes.exponentials(scores, at, low, high, base, max * base);
                }
                clear(at, 0, Math.min(low, high));
                clear(at, high, width);
            }
            inverse[row] = (float) (1 / sum);
            if (lse != null) {
                Lanes.set(lse, place, (float) (max * factor + Bf16Softmax.log(sum)));
            }
        }

        /** Exponentials {@code [from, to)} of a row, pairs of BF16, become zero. */
        private void clear(long at, int from, int to) {
            Bf16Layout.clearInts(scores, at + from / 2, at + to / 2);
        }

        /** Packs the keys and values {@code [from, to)} if they are not. */
        private void pack(int kvHead, int s, int from, int to) {
            if (kvHead != packedHead || s != packedSequence) {
                packedHead = kvHead;
                packedSequence = s;
                packedTo = from;
            }
            for (; packedTo < to; packedTo += Bf16Layout.KEYS) {
                blocks.gatherKeys(call.k(), kvHead, s, packedTo, staged);
                Bf16Layout.packColumns(staged, columns, keys, (long) packedTo * columns);
                blocks.gatherKeys(call.v(), kvHead, s, packedTo, staged);
                Bf16Layout.packRows(staged, columns, values, packedTo, longest);
            }
        }
    }
}
