package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.LowRankGradient;
import dev.lowrank.kernels.LowRankLayer;
import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/** The gradients of a low-rank layer's factors: sums over rows, of which each thread makes its own from its strips. */
final class LowRankSums implements AutoCloseable {
    private static final long BLOCK = (long) Transposition.SIZE * Transposition.SIZE * Float.BYTES;

    /** Operations on an element that putting it in its place and adding it are worth. */
    private static final long ADDING = 4;

    private final Part[] parts;

    LowRankSums(int threads) {
        parts = new Part[threads];
        for (int i = 0; i < threads; i++) {
            parts[i] = new Part();
        }
    }

    /** What one thread has summed. */
    static final class Part {
        private final Scratch dA = new Scratch(); // F32 [r, in]
        private final Scratch dB = new Scratch(); // F32 [r, out]: the transpose
        private boolean begun;
        private boolean worked;

        /**
         * Adds m rows: {@code dA += t^T x} and {@code dB += dy^T h}, what is not wanted left out.
         *
         * @param t BF16 [m, r]; {@code h} likewise
         * @param x BF16 [m, in]
         * @param dy BF16 [m, out], whose rows may lie apart
         */
        void add(
                Bf16Matmul.Part mine,
                LowRankLayer layer,
                LowRankGradient wanted,
                int m,
                MemorySegment x,
                Bf16Matmul.Left dy,
                MemorySegment h,
                MemorySegment t) {
            addToB(mine, layer, wanted, m, dy, Slice.whole(layer.outputs()), h);
            addToA(
                    mine,
                    layer,
                    wanted,
                    m,
                    new Bf16Matmul.Left(x, layer.inputs(), false),
                    Slice.whole(layer.inputs()),
                    t);
            next();
        }

        /** {@code dA += t^T x} for some columns of x, all of which have their turn before {@link #next}. */
        void addToA(
                Bf16Matmul.Part mine,
                LowRankLayer layer,
                LowRankGradient wanted,
                int m,
                Bf16Matmul.Left x,
                Slice columns,
                MemorySegment t) {
            if (wanted.a() != null) {
                add(mine, m, layer.rank(), t, x, columns, dA);
            }
        }

        /** {@code dB += dy^T h} likewise. */
        void addToB(
                Bf16Matmul.Part mine,
                LowRankLayer layer,
                LowRankGradient wanted,
                int m,
                Bf16Matmul.Left dy,
                Slice columns,
                MemorySegment h) {
            if (wanted.b() != null) {
                add(mine, m, layer.rank(), h, dy, columns, dB);
            }
        }

        private void add(
                Bf16Matmul.Part mine,
                int m,
                int rank,
                MemorySegment thin,
                Bf16Matmul.Left wide,
                Slice columns,
                Scratch memory) {
            MemorySegment sum = memory.atLeast(RowSums.bytes(rank, columns.all()));
            MemorySegment part = sum.asSlice((long) columns.from() * Float.BYTES);
            mine.sums()
                    .add(
                            m,
                            rank,
                            thin,
                            columns.count(),
                            wide.data(),
                            wide.stride(),
                            part,
                            RowSums.stride(columns.all()),
                            begun);
        }

        /** These rows are done. */
        void next() {
            begun = true;
            worked = true;
        }
    }

    /** One thread's, from zero on. */
    Part begin(int part) {
        parts[part].begun = false;
        return parts[part];
    }

    /** One thread's, as far as it is. */
    Part part(int part) {
        return parts[part];
    }

    /**
     * Adds all threads' sums, in the order of the threads, to what is wanted; then all are empty again.
     *
     * @param ends to which is added what is still to be done
     */
    void into(LowRankGradient wanted, LowRankLayer layer, Bf16Matmul matmul, Team team, Pieces ends) {
        List<Part> worked = Arrays.stream(parts).filter(part -> part.worked).toList();
        Tensor dA = wanted.a();
        Tensor dB = wanted.b();
        if (dA != null) {
            each(ends, matmul, layer.rank(), layer.inputs(), worked, part -> part.dA, (part, sum, from, to) -> {
                add(sum, dA, from, to);
            });
        }
        if (dB != null) {
            each(ends, matmul, layer.rank(), layer.outputs(), worked, part -> part.dB, (part, sum, from, to) -> {
                addTransposed(sum, layer.scale(), dB, from, to, team.scratch(part, BLOCK));
            });
        }
        for (Part one : parts) {
            one.worked = false;
        }
    }

    private interface Columns {
        /** Does something with the columns {@code [from, to)} of a sum F32 [r, n]. */
        void run(int part, MemorySegment sum, int from, int to);
    }

    /** All columns of the sums that threads have made, in order. */
    private static void each(
            Pieces ends,
            Bf16Matmul matmul,
            int rank,
            int n,
            List<Part> worked,
            Function<Part, Scratch> sum,
            Columns columns) {
        ends.add(PackedMatrix.blocks(n), ADDING * rank * n, (part, first, last) -> {
            int from = (int) first * PackedMatrix.BLOCK;
            int to = Math.min(n, (int) last * PackedMatrix.BLOCK);
            for (Part one : worked) {
                MemorySegment memory = sum.apply(one).atLeast(0);
                matmul.part(part).sums().order(memory, rank, n, from, to);
                columns.run(part, memory, from, to);
            }
        });
    }

    private static void add(MemorySegment sum, Tensor dA, int from, int to) {
        int n = dA.columns();
        for (int r = 0; r < dA.rows(); r++) {
            long source = (long) r * RowSums.stride(n);
            long target = (long) r * n;
            int whole = from + Lanes.whole(to - from);
            for (int i = from; i < whole; i += Lanes.WIDTH) {
                Lanes.store(Lanes.load(dA.data(), target + i).add(Lanes.load(sum, source + i)), dA.data(), target + i);
            }
            for (int i = whole; i < to; i++) {
                Lanes.set(dA.data(), target + i, Lanes.get(dA.data(), target + i) + Lanes.get(sum, source + i));
            }
        }
    }

    /** {@code dB[o, r] += scale * sum[r, o]} for the rows {@code [from, to)}, by way of a block F32 [16, 16]. */
    private static void addTransposed(
            MemorySegment sum, float scale, Tensor dB, int from, int to, MemorySegment block) {
        int rank = dB.columns();
        int stride = RowSums.stride(dB.rows());
        for (int r = 0; r < rank; r += Transposition.SIZE) {
            int ranks = Math.min(Transposition.SIZE, rank - r);
            for (int o = from; o < to; o += Transposition.SIZE) {
                int rows = Math.min(Transposition.SIZE, to - o);
                Transposition.run(sum, (long) r * stride + o, stride, block, 0, Transposition.SIZE);
                for (int i = 0; i < rows; i++) {
                    addScaled(block, i * Transposition.SIZE, scale, dB.data(), (long) (o + i) * rank + r, ranks);
                }
            }
        }
    }

    private static void addScaled(MemorySegment part, int from, float scale, MemorySegment sum, long to, int n) {
        int whole = Lanes.whole(n);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            Lanes.store(Lanes.load(part, from + i).fma(Lanes.all(scale), Lanes.load(sum, to + i)), sum, to + i);
        }
        for (int i = whole; i < n; i++) {
            Lanes.set(sum, to + i, Math.fma(Lanes.get(part, from + i), scale, Lanes.get(sum, to + i)));
        }
    }

    @Override
    public void close() {
        for (Part part : parts) {
            part.dA.close();
            part.dB.close();
        }
    }
}
