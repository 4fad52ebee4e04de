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
 * become exponentials as they come from the tiles ({@link TileScores}), or where they are.
 */
final class Bf16Attention {
    /** Keys of one product. */
    private static final int CHUNK = 512;

    /** What is not normal, below 2^-126, is nothing beside such a sum. */
    private static final float LEAST_SUM = 0x1p-90f;

    private final Team team;
    private final AttentionTools[] tools;

    /** @param tools one for each part of the team */
    Bf16Attention(Team team, AttentionTools[] tools) {
        this.team = team;
        this.tools = tools;
    }

    void forward(
            Tensor q, Tensor k, Tensor v, Sequences sequences, AttentionShape shape, Tensor out, @Nullable Tensor lse) {
        AttentionCall call = AttentionCall.of(q, k, v, sequences, shape);
        Bf16Blocks blocks = new Bf16Blocks(call);
        int block = blocks.queries();
        long total = call.cost(block) * shape.kvHeads();
        int parts = team.parts(total * blocks.group() * call.width());
        team.run(parts, part -> {
            Forward forward = new Forward(blocks, part, out.data(), lse == null ? null : lse.data());
            long before = 0;
            for (int s = 0; s < sequences.count(); s++) {
                int queries = call.queries(s);
                for (int kvHead = 0; kvHead < shape.kvHeads(); kvHead++) {
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
        private final MemorySegment scores; // fp32 [rows, stride]; then exponentials, BF16 [rows, 2 stride]
        private final MemorySegment o; // fp32 [rows, columns]
        private final ScorePasses passes;
        private final RowPasses rowPasses;
        private final @Nullable TileScores tiles;
        private final long stride;
        private final ScoreRows seen; // [rows]
        private final MemorySegment inverse; // fp32 [rows]

        private int packedHead = -1;
        private int packedSequence = -1;
        private int packedTo;
        private final float[] lengths; // the largest square of a length among each 64 keys
        private final ScoreRows ofKeys = new ScoreRows(Bf16Layout.KEYS); // squares of their lengths
        private double unit; // of the rows' shifts, in logarithms of sums

        Forward(Bf16Blocks blocks, int part, MemorySegment out, @Nullable MemorySegment lse) {
            this.blocks = blocks;
            this.call = blocks.call();
            this.product = tools[part].product();
            this.passes = tools[part].passes();
            this.rowPasses = tools[part].rows();
            this.tiles = tools[part].tiles();
            this.out = out;
            this.lse = lse;
            columns = blocks.columns();
            longest = blocks.longest();
            long rows = blocks.rows();
            stride = stride(blocks.mostKeys());
            Carving memory = new Carving(team, part);
            Carving.Piece forQ = memory.shorts(rows * columns);
            Carving.Piece forKeys = memory.shorts((long) longest * columns);
            Carving.Piece forValues = memory.shorts((long) longest * columns);
            Carving.Piece forStaged = memory.shorts((long) Bf16Layout.KEYS * columns);
            Carving.Piece forScores = memory.floats(rows * stride);
            Carving.Piece forO = memory.floats(rows * columns);
            Carving.Piece forInverse = memory.floats(rows);
            MemorySegment whole = memory.take();
            q = forQ.of(whole);
            keys = forKeys.of(whole);
            values = forValues.of(whole);
            staged = forStaged.of(whole);
            scores = forScores.of(whole);
            o = forO.of(whole);
            seen = new ScoreRows(blocks.rows());
            inverse = forInverse.of(whole);
            lengths = new float[longest / Bf16Layout.KEYS];
        }

        /**
         * Floats from one row of scores to the next: few numbers of them, as products may be compiled for each, and no power of
         * two, or all rows would compete for the same cache lines.
         */
        private static long stride(int keys) {
            return 2L * Integer.highestOneBit(Math.max(CHUNK, keys) - 1) + 16;
        }

        /** {@code O = softmax(S) V} for the queries {@code [from, to)} and the query heads of a key-value head. */
        void run(int kvHead, int s, int from, int to) {
            int queries = to - from;
            int rows = blocks.rows(queries);
            int first = blocks.first(s, from);
            int keys = blocks.end(s, to) - first;
            pack(kvHead, s, first, first + keys);
            RowPasses.Place place = blocks.place(kvHead, s, from, queries);
            rowPasses.gather(call.q(), place, q, out);
            blocks.clearOthers(q, queries);
            see(s, from, to, rows, first, keys);
            if (tiles == null || call.scaledAhead() || !byTiles(tiles, place, rows, first, keys)) {
                for (int key = 0; key < keys; key += CHUNK) {
                    scores(rows, first + key, Math.min(CHUNK, keys - key), key);
                }
                softmax(queries, keys);
            }
            sums(kvHead, s, from, to);
            for (int key = 0; key < keys; key += CHUNK) {
                weightedValues(rows, first + key, Math.min(CHUNK, keys - key), key);
            }
            rowPasses.scatter(o, inverse, out, place);
        }

        /** {@code S = Q K^T} for some keys, not yet scaled. */
        private void scores(int rows, int key, int count, int column) {
            Factors factors = new Factors(
                    q.address(),
                    columns,
                    keys.address() + Bf16Layout.columnBytes(key, columns),
                    Bf16Layout.pitch(columns),
                    columns);
            long target = scores.address() + (long) column * Float.BYTES;
            product.run(rows, count, factors, null, new Target(target, stride, false), false);
        }

        /** {@code O (+)= P V} for some keys. */
        private void weightedValues(int rows, int key, int count, int column) {
            Factors factors = new Factors(
                    scores.address() + (long) column * Short.BYTES,
                    2L * stride,
                    values.address() + Bf16Layout.pitch(key),
                    Bf16Layout.pitch(longest),
                    count);
            product.run(rows, columns, factors, null, new Target(o.address(), columns, false), column > 0);
        }

        /** The largest square of a key's length among 64. */
        private float longest(int kvHead, int s, int first) {
            RowPasses.Place place = blocks.keys(kvHead, s, first);
            rowPasses.dots(call.k(), call.k(), place, ofKeys);
            float most = 0;
            for (int key = 0; key < place.queries(); key++) {
                most = Math.max(most, ofKeys.delta(key));
            }
            return most;
        }

        /** Which keys rows see, counted from the first of the block; rows that hold no query see all. */
        private void see(int s, int from, int to, int rows, int first, int keys) {
            int group = blocks.group();
            seen.clear();
            for (int i = from; i < to; i++) {
                int begin = call.begin(s, i) - first;
                int end = call.end(s, i) - first;
                for (int head = 0; head < group; head++) {
                    seen.sees((i - from) * group + head, begin, end);
                }
            }
            for (int row = (to - from) * group; row < rows; row++) {
                seen.sees(row, 0, keys);
            }
        }

        /**
         * P without the largest score of a row: what is subtracted in its place is the most that a row's length and that of the longest key
         * allow, {@code |q| |k|}. Powers of two lose nothing by that while they are normal numbers; where sums are so small that others may
         * not be, nothing counts.
         *
         * @return whether it counts
         */
        private boolean byTiles(TileScores tiles, RowPasses.Place place, int rows, int first, int keys) {
            float factor = call.shape().scale() * Bf16Softmax.LOG2_E;
            float longestKey = 0; // of those of this block alone, whichever others there are
            for (int i = first / Bf16Layout.KEYS; i < (first + keys) / Bf16Layout.KEYS; i++) {
                longestKey = Math.max(longestKey, lengths[i]);
            }
            rowPasses.dots(call.q(), call.q(), place, seen);
            int count = place.queries() * place.heads();
            for (int row = 0; row < rows; row++) {
                double most = row < count ? Math.sqrt(seen.delta(row) * (double) longestKey) : 0;
                seen.shift(row, (float) -(most * factor));
            }
            tiles.exponentials(
                    new TileScores.Rows(q, null, rows, columns),
                    new TileScores.Keys(this.keys, null, first, 0, keys),
                    seen,
                    factor,
                    scores,
                    2 * stride);
            float least = Float.MAX_VALUE;
            for (int row = 0; row < count; row++) {
                float sum = seen.delta(row);
                least = sum < least || Float.isNaN(sum) ? sum : least;
            }
            unit = -1 / Bf16Softmax.LOG2_E;
            return least >= LEAST_SUM;
        }

        /** The exponentials of a block's rows over their scores. */
        private void softmax(int queries, int keys) {
            float scale = call.shape().scale();
            int count = queries * blocks.group();
            if (call.scaledAhead()) {
                for (int row = 0; row < count; row++) {
                    Bf16Softmax.scaleAndCap(
                            scores, row * stride, 0, keys, scale, call.shape().softCap());
                }
            }
            float factor = call.scaledAhead() ? 1 : scale;
            passes.exponentials(new ScorePasses.Block(scores, stride, count, keys), seen, factor * Bf16Softmax.LOG2_E);
            unit = factor;
        }

        /** What rows are divided by, and the logarithms of sums. */
        private void sums(int kvHead, int s, int from, int to) {
            int group = blocks.group();
            int row = 0;
            for (int i = from; i < to; i++) {
                long place = (call.queryStart(s) + (long) i) * call.heads() + (long) kvHead * group;
                for (int head = 0; head < group; head++, row++) {
                    double sum = seen.delta(row);
                    Lanes.set(inverse, row, (float) (1 / sum));
                    if (lse != null) {
                        Lanes.set(lse, place + head, (float) (seen.shift(row) * unit + Bf16Softmax.log(sum)));
                    }
                }
            }
        }

        /** Packs the keys and values {@code [from, to)} if they are not. */
        private void pack(int kvHead, int s, int from, int to) {
            if (kvHead != packedHead || s != packedSequence) {
                packedHead = kvHead;
                packedSequence = s;
                packedTo = from;
            }
            for (; packedTo < to; packedTo += Bf16Layout.KEYS) {
                Bf16Blocks.Rows k = blocks.keys(call.k(), kvHead, s, packedTo, staged);
                Bf16Layout.packColumns(k.data(), k.from(), k.stride(), columns, keys, (long) packedTo * columns);
                Bf16Blocks.Rows v = blocks.keys(call.v(), kvHead, s, packedTo, staged);
                Bf16Layout.packRows(
                        v.data(), v.from(), v.stride(), columns, Bf16Layout.KEYS, values, packedTo, longest);
                if (tiles != null) {
                    lengths[packedTo / Bf16Layout.KEYS] = longest(kvHead, s, packedTo);
                }
            }
        }
    }
}
