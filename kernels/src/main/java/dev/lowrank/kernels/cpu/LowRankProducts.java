package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.LowRankLayer;
import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * A frozen linear layer with a low-rank update, forward and backward, a strip of rows at a time: all products that read a
 * strip follow each other while it is in the cache, and the team is called once. Done product by product, half of the time
 * went into bringing the same rows from memory again.
 */
final class LowRankProducts implements AutoCloseable {
    private final Team team;
    private final Bf16Matmul matmul;
    private final Part[] parts;
    private final Scratch forA = new Scratch();
    private final Scratch forB = new Scratch();
    private final Scratch packedA = new Scratch();
    private final Scratch packedB = new Scratch();

    /** What one thread works in. */
    private static final class Part {
        private final Scratch dy = new Scratch(); // BF16 [strip, out], where dy is F32
        private final Scratch t = new Scratch(); // BF16 [strip, r rounded up]
        private final Scratch factor = new Scratch(); // h or t of a strip, packed
        private final Scratch dA = new Scratch(); // F32 [in, r]: the transpose of this thread's part
        private final Scratch dB = new Scratch(); // F32 [out, r]
        private final Scratch tail = new Scratch();

        void close() {
            for (Scratch one : new Scratch[] {dy, t, factor, dA, dB, tail}) {
                one.close();
            }
        }
    }

    LowRankProducts(Team team, Bf16Matmul matmul) {
        this.team = team;
        this.matmul = matmul;
        this.parts = new Part[team.size()];
        for (int i = 0; i < parts.length; i++) {
            parts[i] = new Part();
        }
    }

    /** Whether strips can be walked: blocks are read whole where an extent is odd, and small work is not worth it. */
    static boolean suits(LowRankLayer layer, long rows) {
        return (layer.inputs() | layer.outputs() | layer.rank()) % 2 == 0 && rows >= Bf16Matmul.SMALLEST_STRIP;
    }

    /** {@code h = x A^T} and {@code y = x W^T + scale h B^T + beta y}; x, h BF16, y BF16 or F32. */
    void forward(Tensor x, LowRankLayer layer, float beta, Tensor h, Tensor y) {
        int in = layer.inputs();
        int out = layer.outputs();
        int rank = layer.rank();
        PackedMatrix weight = matmul.right(layer.weight(), !layer.transposed());
        PackedMatrix down = packed(layer.a(), 1, true, in, rank, forA, packedA);
        PackedMatrix up = packed(layer.b(), layer.scale(), true, rank, out, forB, packedB);
        Bf16Matmul.Left left = new Bf16Matmul.Left(x.data(), in, false);
        Bf16Matmul.Left thin = new Bf16Matmul.Left(h.data(), rank, false);
        Bf16Matmul.Target toH = new Bf16Matmul.Target(h.data(), rank, true);
        Bf16Matmul.Target toY = new Bf16Matmul.Target(y.data(), out, y.dtype() == DType.BF16);
        team.split(x.rows(), Bf16Matmul.SMALLEST_STRIP, team.parts((long) x.rows() * out), (part, from, to) -> {
            Bf16Matmul.Compiled mine = matmul.compiled(part);
            for (int i = (int) from; i < to; ) {
                int m = Bf16Matmul.strip((int) to - i, false);
                Bf16Matmul.fetch(
                        x.data(), (long) i * in * Short.BYTES, (long) in * Short.BYTES, m, (long) in * Short.BYTES);
                Bf16Matmul.strip(mine, left, down, toH, false, i, m, 0, rank, 0);
                i += m;
            }
            int blocks = PackedMatrix.blocks(out);
            Bf16Matmul.region(mine, left, weight, thin, up, toY, beta != 0, (int) from, (int) to, 0, blocks);
        });
    }

    /**
     * Derivation: with {@code h = x A^T}, {@code y = x W^T + s h B^T} and {@code t = s dy B} (the gradient of h),
     *
     * <pre>
     * dB = s dy^T h,  dA = t^T x,  dx = dy W + t A
     * </pre>
     *
     * dA and dB are sums over rows: each thread sums its own, and the parts are added in the order of the threads.
     *
     * @param dy BF16 or F32 [N, out]
     * @param dA added to, or null; {@code dB} likewise
     * @param dx BF16 [N, in], to which it is added if {@code beta} is 1; null where it is not wanted
     */
    void backward(
            Tensor dy,
            Tensor x,
            Tensor h,
            LowRankLayer layer,
            @Nullable Tensor dA,
            @Nullable Tensor dB,
            float beta,
            @Nullable Tensor dx) {
        int in = layer.inputs();
        int out = layer.outputs();
        int rank = layer.rank();
        int rows = dy.rows();
        PackedMatrix weight = matmul.right(layer.weight(), layer.transposed());
        PackedMatrix up = packed(layer.a(), 1, false, rank, in, forA, packedA);
        PackedMatrix down = packed(layer.b(), layer.scale(), false, out, rank, forB, packedB);
        int count = team.parts((long) rows * out);
        boolean[] worked = new boolean[count];
        team.split(rows, Bf16Matmul.SMALLEST_STRIP, count, (part, from, to) -> {
            worked[part] = true;
            Walk walk = new Walk(matmul.compiled(part), parts[part], in, out, rank, weight, up, down);
            walk.needs(dA != null, dB != null);
            for (int i = (int) from; i < to; ) {
                int m = Bf16Matmul.strip((int) to - i, false);
                if (m < Bf16Matmul.SMALLEST_STRIP) {
                    walk.tail(dy, x, h, dx, beta, i, m);
                } else {
                    walk.strip(
                            Floats.of(dy), i, x.data(), i, h.data(), i, dx == null ? null : dx.data(), i, beta != 0, m);
                }
                i += m;
            }
        });
        if (dA != null) {
            team.split(in, 16, team.parts((long) in * rank), (part, from, to) -> {
                for (int p = 0; p < count; p++) {
                    if (worked[p]) {
                        addTransposed(parts[p].dA.atLeast(0), dA.data(), rank, in, (int) from, (int) to);
                    }
                }
            });
        }
        if (dB != null) {
            team.split((long) out * rank, 16, team.parts((long) out * rank), (part, from, to) -> {
                for (int p = 0; p < count; p++) {
                    if (worked[p]) {
                        addScaled(parts[p].dB.atLeast(0), layer.scale(), dB.data(), from, to);
                    }
                }
            });
        }
    }

    /** {@code dA[r, c] += part[c, r]} for the columns {@code [from, to)}. */
    private static void addTransposed(MemorySegment part, MemorySegment dA, int rank, int in, int from, int to) {
        for (int r = 0; r < rank; r++) {
            for (int c = from; c < to; c++) {
                long at = (long) r * in + c;
                Lanes.set(dA, at, Lanes.get(dA, at) + Lanes.get(part, (long) c * rank + r));
            }
        }
    }

    private static void addScaled(MemorySegment part, float scale, MemorySegment sum, long from, long to) {
        long whole = Lanes.whole(from, to);
        for (long i = from; i < whole; i += Lanes.WIDTH) {
            Lanes.store(Lanes.load(part, i).fma(Lanes.all(scale), Lanes.load(sum, i)), sum, i);
        }
        for (long i = whole; i < to; i++) {
            Lanes.set(sum, i, Math.fma(Lanes.get(part, i), scale, Lanes.get(sum, i)));
        }
    }

    private PackedMatrix packed(
            Tensor factor, float scale, boolean transposed, int k, int n, Scratch narrow, Scratch memory) {
        MemorySegment source = matmul.half(factor, scale, narrow);
        PackedMatrix matrix = new PackedMatrix(memory.atLeast(PackedMatrix.bytes(k, n)), k, n, k, false);
        matmul.fill(matrix, source, factor.columns(), transposed);
        return matrix;
    }

    /** One thread's way through its rows. */
    private static final class Walk {
        private final Bf16Matmul.Compiled mine;
        private final Part part;
        private final int in;
        private final int out;
        private final int rank;
        private final int padded; // columns of t in memory; what is behind the rank is never read as a number
        private final PackedMatrix weight;
        private final PackedMatrix up;
        private final PackedMatrix down;
        private boolean wantsA;
        private boolean wantsB;
        private boolean begun;

        Walk(
                Bf16Matmul.Compiled mine,
                Part part,
                int in,
                int out,
                int rank,
                PackedMatrix weight,
                PackedMatrix up,
                PackedMatrix down) {
            this.mine = mine;
            this.part = part;
            this.in = in;
            this.out = out;
            this.rank = rank;
            this.padded = PackedMatrix.blocks(rank) * PackedMatrix.BLOCK;
            this.weight = weight;
            this.up = up;
            this.down = down;
        }

        void needs(boolean a, boolean b) {
            wantsA = a;
            wantsB = b;
        }

        /** m rows of dy from row {@code atDy} on, and so forth; m is one of the strips' sizes. */
        void strip(
                Floats dy,
                long atDy,
                MemorySegment x,
                long atX,
                MemorySegment h,
                long atH,
                @Nullable MemorySegment dx,
                long atDx,
                boolean accumulate,
                int m) {
            MemorySegment d = dy.data();
            long firstD = atDy;
            if (!dy.half()) {
                d = part.dy.atLeast((long) Bf16Matmul.STRIP * out * Short.BYTES);
                Floats.narrow(dy.data(), atDy * out, d, 0, m * out);
                firstD = 0;
            } else {
                long row = (long) out * Short.BYTES;
                Bf16Matmul.fetch(d, atDy * row, row, m, row);
            }
            Bf16Matmul.Left gradient = new Bf16Matmul.Left(d.asSlice(firstD * out * Short.BYTES), out, false);
            MemorySegment t = part.t.atLeast((long) Bf16Matmul.STRIP * padded * Short.BYTES); // [m, padded]
            Bf16Matmul.Target toT = new Bf16Matmul.Target(t, padded, true);
            if (wantsA || dx != null) {
                Bf16Matmul.strip(mine, gradient, down, toT, false, 0, m, 0, rank, 0);
            }
            if (wantsB) {
                MemorySegment sum = part.dB.atLeast((long) out * rank * Float.BYTES); // [out, r]
                add(d.asSlice(firstD * out * Short.BYTES), out, h.asSlice(atH * rank * Short.BYTES), rank, m, sum);
            }
            if (dx != null) {
                Bf16Matmul.Left thin = new Bf16Matmul.Left(t, padded, false);
                Bf16Matmul.Target toX = new Bf16Matmul.Target(
                        dx.asSlice(atDx * in * Short.BYTES, (long) m * in * Short.BYTES), in, true);
                Bf16Matmul.panels(mine, gradient, weight, thin, up, toX, accumulate, 0, m);
            }
            if (wantsA) {
                long row = (long) in * Short.BYTES;
                Bf16Matmul.fetch(x, atX * row, row, m, row);
                MemorySegment sum = part.dA.atLeast((long) in * rank * Float.BYTES); // [in, r]
                add(x.asSlice(atX * row), in, t, padded, m, sum);
            }
            begun = true;
        }

        /** {@code sum[wide, r] (+)= left^T right} over m rows of left [m, wide] and right [m, r]. */
        private void add(MemorySegment left, int wide, MemorySegment right, int stride, int m, MemorySegment sum) {
            PackedMatrix thin = new PackedMatrix(
                    part.factor.atLeast(PackedMatrix.bytes(Bf16Matmul.STRIP, rank)), m, rank, m, false);
            thin.fill(right, stride, false, 0, PackedMatrix.blocks(rank));
            Bf16Matmul.Left transposed = new Bf16Matmul.Left(left, wide, true);
            Bf16Matmul.Target target = new Bf16Matmul.Target(sum, rank, false);
            for (int i = 0; i < wide; ) {
                int rows = Bf16Matmul.strip(wide - i, true);
                Bf16Matmul.strip(mine, transposed, thin, target, begun, i, rows, 0, rank, 0);
                i += rows;
            }
        }

        /** The last rows, fewer than a strip has: with rows of zeros below them, which add nothing. */
        void tail(Tensor dy, Tensor x, Tensor h, @Nullable Tensor dx, float beta, int i, int m) {
            int strip = Bf16Matmul.SMALLEST_STRIP;
            long bytes = (long) strip * (out + 2L * in + rank) * Short.BYTES;
            MemorySegment memory = part.tail.atLeast(bytes);
            memory.asSlice(0, bytes).fill((byte) 0);
            MemorySegment gradient = memory.asSlice(0, (long) strip * out * Short.BYTES);
            MemorySegment input = memory.asSlice((long) strip * out * Short.BYTES, (long) strip * in * Short.BYTES);
            MemorySegment result =
                    memory.asSlice((long) strip * (out + in) * Short.BYTES, (long) strip * in * Short.BYTES);
            MemorySegment factor = memory.asSlice((long) strip * (out + 2L * in) * Short.BYTES);
            Floats.convert(Floats.of(dy), (long) i * out, new Floats(gradient, true), 0, (long) m * out);
            MemorySegment.copy(x.data(), (long) i * in * Short.BYTES, input, 0, (long) m * in * Short.BYTES);
            MemorySegment.copy(h.data(), (long) i * rank * Short.BYTES, factor, 0, (long) m * rank * Short.BYTES);
            if (dx != null && beta != 0) {
                MemorySegment.copy(dx.data(), (long) i * in * Short.BYTES, result, 0, (long) m * in * Short.BYTES);
            }
            strip(new Floats(gradient, true), 0, input, 0, factor, 0, dx == null ? null : result, 0, beta != 0, strip);
            if (dx != null) {
                MemorySegment.copy(result, 0, dx.data(), (long) i * in * Short.BYTES, (long) m * in * Short.BYTES);
            }
        }
    }

    @Override
    public void close() {
        for (Part part : parts) {
            part.close();
        }
        for (Scratch one : new Scratch[] {forA, forB, packedA, packedB}) {
            one.close();
        }
    }
}
