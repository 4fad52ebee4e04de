package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.cpu.StripProduct.Factors;
import dev.lowrank.kernels.cpu.StripProduct.Target;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Backward of {@link Bf16Attention}; the derivation is {@link Attention#backward}'s. Scores are made again tile by tile, up
 * to 256 keys by the rows of a block, so nothing here grows with the square of a length:
 *
 * <pre>
 * S = Q K^T, dP = dO V^T                     fp32 [rows, keys]
 * P = e^(scale S - lse), dS = P (dP - delta)  rounded to BF16
 * dV^T += dO^T P, dK^T += Q^T dS, dQ += dS K  fp32 [columns, keys], [rows, columns]
 * </pre>
 *
 * P and dS leave the pass over a tile as pairs of rows, which is how the right side of a product is packed; that is why dV
 * and dK are summed as their transposed. The scale comes in where dQ and dK are rounded.
 *
 * <p>The blocks of all (key-value head, sequence) groups in order are cut into one run for each part. A group that is cut is
 * summed by each of its parts for itself, and by the first of them together, in order, when all have come to their end.
 */
final class Bf16AttentionBackward {
    /** Keys of a tile; tiles begin at multiples of it. */
    private static final int TILE = 256;

    /** Floats from one row of a tile to the next: not a power of two, or all rows would compete for the same cache lines. */
    private static final int STRIDE = TILE + 16;

    /** A power of two that is zero. */
    private static final float IMPOSSIBLE = -1e30f;

    private final Team team;
    private final AttentionTools[] tools;

    /** The tensors that only a backward pass has. */
    private record Gradients(
            MemorySegment dOut,
            MemorySegment out,
            MemorySegment lse,
            MemorySegment dQ,
            MemorySegment dK,
            MemorySegment dV) {}

    /** The parts that work on a group: all from the first to the last. */
    private record Owners(int first, int last) {}

    /** @param tools one for each part of the team */
    Bf16AttentionBackward(Team team, AttentionTools[] tools) {
        this.team = team;
        this.tools = tools;
    }

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
        Bf16Blocks blocks = new Bf16Blocks(call);
        long total = call.cost(blocks.queries()) * shape.kvHeads();
        int parts = team.parts(total * blocks.group() * call.width());
        Backward[] all = new Backward[parts];
        team.run(parts, part -> {
            Backward own = new Backward(blocks, gradients, part);
            all[part] = own;
            eachGroup(call, blocks.queries(), total, parts, (kvHead, s, before, owners) -> {
                if (owners.first <= part && part <= owners.last) {
                    own.group(kvHead, s, before, total, parts, owners);
                }
            });
        });
        if (parts > 1) {
            team.run(
                    parts,
                    part -> eachGroup(call, blocks.queries(), total, parts, (kvHead, s, before, owners) -> {
                        if (owners.first == part && owners.last > part) {
                            for (int other = part + 1; other <= owners.last; other++) {
                                all[part].add(all[other], s);
                            }
                            all[part].finish(kvHead, s);
                        }
                    }));
        }
    }

    @FunctionalInterface
    private interface GroupVisitor {
        void visit(int kvHead, int sequence, long before, Owners owners);
    }

    private static void eachGroup(AttentionCall call, int block, long total, int parts, GroupVisitor visitor) {
        long before = 0;
        for (int s = 0; s < call.sequences().count(); s++) {
            int queries = call.queries(s);
            long cost = call.cost(s, block);
            long first = queries == 0 ? 0 : call.blockCost(s, 0, Math.min(queries, block));
            int lastFrom = queries == 0 ? 0 : (queries - 1) / block * block;
            long last = queries == 0 ? 0 : call.blockCost(s, lastFrom, queries);
            for (int kvHead = 0; kvHead < call.kvHeads(); kvHead++) {
                visitor.visit(
                        kvHead,
                        s,
                        before,
                        new Owners(
                                AttentionCall.owner(before, first, total, parts),
                                AttentionCall.owner(before + cost - last, last, total, parts)));
                before += cost;
            }
        }
    }

    /** One part's share of a call. */
    private final class Backward {
        private final Bf16Blocks blocks;
        private final AttentionCall call;
        private final Gradients g;
        private final StripProduct product;
        private final ScorePasses passes;
        private final RowPasses rowPasses;
        private final @Nullable TileScores tiles;
        private final int part;
        private final int columns;
        private final int longest;

        private final MemorySegment q; // [rows, columns]
        private final MemorySegment dO; // [rows, columns]
        private final MemorySegment keys; // K^T packed: [longest / 32][columns / 32][16][32][2]
        private final MemorySegment values; // V^T packed: the same
        private final MemorySegment keyRows; // K packed: [columns / 32][longest / 32][16][32][2]
        private final MemorySegment staged; // [64, columns]
        private final MemorySegment pairs; // [16][64][2]
        private final MemorySegment interleaved; // Q or dO packed: [columns / 32][rows / 32][16][32][2]
        private final MemorySegment turnedQ; // Q^T: [columns, rows]
        private final MemorySegment turnedDO; // dO^T: the same
        private final MemorySegment s; // fp32 [rows, STRIDE]
        private final MemorySegment dP; // the same; then dS, BF16 shuffled
        private final MemorySegment p; // packed: [TILE / 32][rows / 32][16][32][2]
        private final MemorySegment dS; // the same
        private final MemorySegment dQ; // fp32 [rows, columns]
        // Sums over a group that an earlier part begins, and over one that this part begins.
        private final MemorySegment[] dKs = new MemorySegment[2]; // fp32 [longest / TILE][columns, STRIDE]
        private final MemorySegment[] dVs = new MemorySegment[2]; // the same
        private final MemorySegment scales; // fp32 [rows]: the call's scale
        private final ScoreRows seen; // [rows]
        private final float[] delta; // [rows]: with a cap, where it is subtracted before scores have theirs

        Backward(Bf16Blocks blocks, Gradients g, int part) {
            this.blocks = blocks;
            this.call = blocks.call();
            this.g = g;
            this.product = tools[part].product();
            this.passes = tools[part].passes();
            this.rowPasses = tools[part].rows();
            this.tiles = tools[part].tiles();
            this.part = part;
            columns = blocks.columns();
            longest = blocks.longest();
            int rows = blocks.rows();
            long sums = tiles(longest) * columns * STRIDE;
            Carving memory = new Carving(team, part);
            Carving.Piece[] forRows = {memory.shorts((long) rows * columns), memory.shorts((long) rows * columns)};
            Carving.Piece[] forKeys = {
                memory.shorts((long) longest * columns),
                memory.shorts((long) longest * columns),
                memory.shorts((long) longest * columns)
            };
            Carving.Piece[] forTurned = {
                memory.shorts((long) rows * columns),
                memory.shorts((long) rows * columns),
                memory.shorts((long) rows * columns)
            };
            Carving.Piece forStaged = memory.shorts((long) Bf16Layout.KEYS * columns);
            Carving.Piece forPairs = memory.shorts(16L * Bf16Layout.KEYS * 2);
            Carving.Piece[] forScores = {memory.floats((long) rows * STRIDE), memory.floats((long) rows * STRIDE)};
            Carving.Piece[] forTiles = {memory.shorts((long) rows * TILE), memory.shorts((long) rows * TILE)};
            Carving.Piece forDQ = memory.floats((long) rows * columns);
            Carving.Piece[] forSums = {
                memory.floats(sums), memory.floats(sums), memory.floats(sums), memory.floats(sums)
            };
            Carving.Piece forScales = memory.floats(rows);
            MemorySegment whole = memory.take();
            q = forRows[0].of(whole);
            dO = forRows[1].of(whole);
            keys = forKeys[0].of(whole);
            values = forKeys[1].of(whole);
            keyRows = forKeys[2].of(whole);
            staged = forStaged.of(whole);
            pairs = forPairs.of(whole);
            interleaved = forTurned[0].of(whole);
            turnedQ = forTurned[1].of(whole);
            turnedDO = forTurned[2].of(whole);
            s = forScores[0].of(whole);
            dP = forScores[1].of(whole);
            p = forTiles[0].of(whole);
            dS = forTiles[1].of(whole);
            dQ = forDQ.of(whole);
            for (int i = 0; i < 2; i++) {
                dKs[i] = forSums[2 * i].of(whole);
                dVs[i] = forSums[2 * i + 1].of(whole);
            }
            scales = forScales.of(whole);
            for (int row = 0; row < rows; row++) {
                Lanes.set(scales, row, call.shape().scale());
            }
            seen = new ScoreRows(rows);
            delta = new float[rows];
        }

        private static long tiles(int keys) {
            return (keys + TILE - 1) / TILE;
        }

        /** The floats of a sequence's sums. */
        private long sums(int sequence) {
            return tiles(call.keys(sequence)) * columns * STRIDE;
        }

        /** This part's blocks of a group; the only part of a group also writes its dK and dV. */
        void group(int kvHead, int sequence, long before, long total, int parts, Owners owners) {
            int mine = part == owners.first ? 1 : 0;
            long bytes = sums(sequence) * Float.BYTES;
            dKs[mine].asSlice(0, bytes).fill((byte) 0);
            dVs[mine].asSlice(0, bytes).fill((byte) 0);
            int queries = call.queries(sequence);
            int packedTo = -1;
            long done = before;
            for (int from = 0; from < queries; from += blocks.queries()) {
                int to = Math.min(queries, from + blocks.queries());
                long cost = call.blockCost(sequence, from, to);
                if (AttentionCall.owner(done, cost, total, parts) == part) {
                    int first = blocks.first(sequence, from);
                    int end = blocks.end(sequence, to);
                    pack(kvHead, sequence, packedTo < 0 ? first : packedTo, end);
                    packedTo = end;
                    block(kvHead, sequence, from, to, first, end, mine);
                }
                done += cost;
            }
            if (owners.first == owners.last) {
                finish(kvHead, sequence);
            }
        }

        private void pack(int kvHead, int sequence, int from, int to) {
            for (int key = from; key < to; key += Bf16Layout.KEYS) {
                Bf16Blocks.Rows v = blocks.keys(call.v(), kvHead, sequence, key, staged);
                Bf16Layout.packColumns(v.data(), v.from(), v.stride(), columns, values, (long) key * columns);
                Bf16Blocks.Rows k = blocks.keys(call.k(), kvHead, sequence, key, staged);
                Bf16Layout.packColumns(k.data(), k.from(), k.stride(), columns, keys, (long) key * columns);
                Bf16Layout.packRows(k.data(), k.from(), k.stride(), columns, Bf16Layout.KEYS, keyRows, key, longest);
            }
        }

        private void block(int kvHead, int sequence, int from, int to, int first, int end, int mine) {
            int queries = to - from;
            int rows = blocks.rows(queries);
            RowPasses.Place place = blocks.place(kvHead, sequence, from, queries);
            rowPasses.gather(call.q(), place, q, g.dQ);
            rowPasses.gather(g.dOut, place, dO, g.out);
            blocks.clearOthers(q, queries);
            blocks.clearOthers(dO, queries);
            Bf16Layout.turn(q, columns, rows, interleaved, turnedQ);
            Bf16Layout.turn(dO, columns, rows, interleaved, turnedDO);
            rowPasses.dots(g.dOut, g.out, place, seen);
            see(kvHead, sequence, from, to, rows, end);
            for (int tile = first & -TILE; tile < end; tile += TILE) {
                int key = Math.max(first, tile);
                tile(rows, key, Math.min(end, tile + TILE) - key, key > first, mine);
            }
            rowPasses.scatter(dQ, scales, g.dQ, place);
        }

        /** What belongs to each row. */
        private void see(int kvHead, int sequence, int from, int to, int rows, int end) {
            int group = blocks.group();
            seen.clear();
            int row = 0;
            for (int i = from; i < to; i++) {
                long place = (call.queryStart(sequence) + (long) i) * call.heads() + (long) kvHead * group;
                int firstKey = call.begin(sequence, i);
                int lastKey = call.end(sequence, i);
                for (int head = 0; head < group; head++, row++) {
                    seen.shift(row, -Lanes.get(g.lse, place + head) * Bf16Softmax.LOG2_E);
                    seen.sees(row, firstKey, lastKey);
                }
            }
            // No query, and scores of zero: all is seen, so that the tile can be one without borders, and nothing is
            // likely.
            for (; row < rows; row++) {
                seen.shift(row, IMPOSSIBLE);
                seen.delta(row, 0);
                seen.sees(row, 0, end);
            }
            for (row = 0; row < rows && call.shape().softCap() > 0; row++) {
                delta[row] = seen.delta(row);
                seen.delta(row, 0);
            }
        }

        /** A block's rows by the keys {@code [key, key + count)}, which lie in one tile. */
        private void tile(int rows, int key, int count, boolean later, int mine) {
            if (tiles != null && !call.scaledAhead()) {
                tiles.gradients(
                        new TileScores.Rows(q, dO, rows, columns),
                        new TileScores.Keys(keys, values, key, key, count),
                        seen,
                        call.shape().scale() * Bf16Softmax.LOG2_E,
                        p,
                        dS,
                        dP,
                        2 * STRIDE);
            } else {
                productsAndPass(rows, key, count);
            }
            // dV^T += dO^T P, dK^T += Q^T dS
            long at = ((long) (key / TILE) * columns * STRIDE + key % TILE) * Float.BYTES;
            product(columns, count, turnedDO, rows, p.address(), rows, rows, dVs[mine].address() + at, STRIDE, true);
            product(columns, count, turnedQ, rows, dS.address(), rows, rows, dKs[mine].address() + at, STRIDE, true);
            // dQ (+)= dS K
            long rowsAt = keyRows.address() + Bf16Layout.pitch(key);
            product(rows, columns, dP, 2 * STRIDE, rowsAt, longest, count, dQ.address(), columns, later);
        }

        /** P and dS by products and a pass over what they give. */
        private void productsAndPass(int rows, int key, int count) {
            // S = Q K^T, dP = dO V^T
            long columnsAt = Bf16Layout.columnBytes(key, columns);
            product(rows, count, q, columns, keys.address() + columnsAt, columns, columns, s.address(), STRIDE, false);
            product(
                    rows,
                    count,
                    dO,
                    columns,
                    values.address() + columnsAt,
                    columns,
                    columns,
                    dP.address(),
                    STRIDE,
                    false);
            probabilities(rows, key, count);
        }

        /** {@code C = A B} or {@code C += A B}, where B [k, n] is part of a packed matrix of so many rows. */
        private void product(
                int m, int n, MemorySegment a, long lda, long b, int rowsOfB, int k, long c, long ldc, boolean add) {
            Factors factors = new Factors(a.address(), lda, b, Bf16Layout.pitch(rowsOfB), k);
            product.run(m, n, factors, null, new Target(c, ldc, false), add);
        }

        /** P and dS of a tile. */
        private void probabilities(int rows, int key, int count) {
            float scale = call.shape().scale();
            float cap = call.shape().softCap();
            if (call.scaledAhead()) {
                for (int row = 0; row < rows; row++) {
                    Bf16Softmax.scaleAndCap(s, (long) row * STRIDE, 0, count, scale, cap);
                    if (cap > 0) {
                        Bf16Softmax.capGradient(s, dP, (long) row * STRIDE, 0, count, delta[row], cap);
                    }
                }
            }
            passes.gradients(
                    new ScorePasses.Block(s, STRIDE, rows, count),
                    seen,
                    key,
                    (call.scaledAhead() ? 1 : scale) * Bf16Softmax.LOG2_E,
                    dP,
                    p,
                    dS,
                    rows / 2L * PackedMatrix.BLOCK);
        }

        /** Adds another part's sums over a group that this part began. */
        void add(Backward other, int sequence) {
            Elementwise.add(dKs[1], other.dKs[0], dKs[1], 0, sums(sequence));
            Elementwise.add(dVs[1], other.dVs[0], dVs[1], 0, sums(sequence));
        }

        /** Writes dK and dV of a group that this part began. */
        void finish(int kvHead, int sequence) {
            finish(dKs[1], call.shape().scale(), kvHead, sequence, g.dK);
            finish(dVs[1], 1, kvHead, sequence, g.dV);
        }

        private void finish(MemorySegment sums, float factor, int kvHead, int sequence, MemorySegment target) {
            int there = call.keys(sequence);
            for (int key = 0; key < there; key += Bf16Layout.KEYS) {
                long from = (long) (key / TILE) * columns * STRIDE + key % TILE;
                boolean inPlace = blocks.inPlace(sequence, key);
                Bf16Blocks.Rows rows =
                        inPlace ? blocks.place(target, kvHead, sequence, key) : new Bf16Blocks.Rows(staged, 0, columns);
                Bf16Layout.unpackColumns(sums, from, STRIDE, factor, columns, pairs, rows);
                if (!inPlace) {
                    blocks.writeKeys(staged, kvHead, sequence, key, target);
                }
            }
        }
    }
}
