package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.LowRankGradient;
import dev.lowrank.kernels.LowRankLayer;
import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;

/** The gradients of a low-rank layer's factors: sums over rows, of which each thread makes its own from its strips. */
final class LowRankSums implements AutoCloseable {
    /** Columns of a strip that are interleaved at a time for a product that sums over rows. */
    private static final int GROUP = 512;

    private final Part[] parts;

    LowRankSums(int threads) {
        parts = new Part[threads];
        for (int i = 0; i < threads; i++) {
            parts[i] = new Part();
        }
    }

    /** What one thread has summed. */
    static final class Part {
        private final Scratch pairs = new Scratch(); // some columns of x or dy, by pairs of rows
        private final Scratch dA = new Scratch(); // F32 [r, in]
        private final Scratch dB = new Scratch(); // F32 [r, out]: the transpose
        private boolean begun;
        private boolean worked;

        /**
         * Adds m rows: {@code dA += t^T x} and {@code dB += dy^T h}, what is not wanted left out.
         *
         * @param t BF16 [m, r]; {@code h} likewise
         * @param x BF16 [m, in]
         * @param dy BF16 [m, out]
         */
        void add(
                Bf16Matmul.Part mine,
                LowRankLayer layer,
                LowRankGradient wanted,
                int m,
                MemorySegment x,
                MemorySegment dy,
                MemorySegment h,
                MemorySegment t) {
            int rank = layer.rank();
            if (wanted.b() != null) {
                MemorySegment sum = dB.atLeast((long) rank * layer.outputs() * Float.BYTES);
                add(mine, h, rank, dy, layer.outputs(), m, sum);
            }
            if (wanted.a() != null) {
                MemorySegment sum = dA.atLeast((long) rank * layer.inputs() * Float.BYTES);
                add(mine, t, rank, x, layer.inputs(), m, sum);
            }
            begun = true;
            worked = true;
        }

        /** {@code sum[r, wide] (+)= thin^T left} over m rows of thin [m, r] and left [m, wide]. */
        private void add(
                Bf16Matmul.Part mine,
                MemorySegment thin,
                int rank,
                MemorySegment left,
                int wide,
                int m,
                MemorySegment sum) {
            Bf16Matmul.Left turned = mine.turned(new Bf16Matmul.Left(thin, rank, true), m, 0, rank); // [r, m]
            Bf16Matmul.Target to = new Bf16Matmul.Target(sum, wide, false);
            for (int c = 0; c < wide; c += GROUP) {
                int columns = Math.min(GROUP, wide - c);
                PackedMatrix group = new PackedMatrix(pairs.atLeast(PackedMatrix.bytes(m, columns)), m, columns, m);
                group.fill(left.asSlice((long) c * Short.BYTES), wide, false, 0, PackedMatrix.blocks(columns));
                mine.product().run(rank, columns, Bf16Matmul.factors(turned, 0, group), null, to.at(0, c), begun);
            }
        }
    }

    /** One thread's, from zero on. */
    Part begin(int part) {
        parts[part].begun = false;
        return parts[part];
    }

    /** Adds all threads' sums, in the order of the threads, to what is wanted; then all are empty again. */
    void into(LowRankGradient wanted, LowRankLayer layer, Team team) {
        int rank = layer.rank();
        Tensor dA = wanted.a();
        Tensor dB = wanted.b();
        if (dA != null) {
            team.split(dA.size(), 16, team.parts(dA.size()), (part, from, to) -> {
                for (Part one : parts) {
                    if (one.worked) {
                        add(one.dA.atLeast(0), dA.data(), from, to);
                    }
                }
            });
        }
        if (dB != null) {
            team.split(layer.outputs(), 16, team.parts(dB.size()), (part, from, to) -> {
                for (Part one : parts) {
                    if (one.worked) {
                        addTransposed(one.dB.atLeast(0), layer.scale(), dB.data(), rank, layer.outputs(), from, to);
                    }
                }
            });
        }
        for (Part one : parts) {
            one.worked = false;
        }
    }

    private static void add(MemorySegment part, MemorySegment sum, long from, long to) {
        long whole = Lanes.whole(from, to);
        for (long i = from; i < whole; i += Lanes.WIDTH) {
            Lanes.store(Lanes.load(sum, i).add(Lanes.load(part, i)), sum, i);
        }
        for (long i = whole; i < to; i++) {
            Lanes.set(sum, i, Lanes.get(sum, i) + Lanes.get(part, i));
        }
    }

    /** {@code dB[o, r] += scale * part[r, o]} for the rows {@code [from, to)}. */
    private static void addTransposed(
            MemorySegment part, float scale, MemorySegment dB, int rank, int out, long from, long to) {
        for (long o = from; o < to; o++) {
            for (int r = 0; r < rank; r++) {
                long at = o * rank + r;
                Lanes.set(dB, at, Math.fma(Lanes.get(part, (long) r * out + o), scale, Lanes.get(dB, at)));
            }
        }
    }

    @Override
    public void close() {
        for (Part part : parts) {
            part.pairs.close();
            part.dA.close();
            part.dB.close();
        }
    }
}
