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

    /** Columns of a strip that are interleaved at a time for a product that sums over rows. */
    private static final int GROUP = 512;

    /** What one thread works in. */
    private static final class Part {
        private final Scratch dy = new Scratch(); // BF16 [strip, out], where dy is F32
        private final Scratch t = new Scratch(); // BF16 [strip, r]
        private final Scratch pairs = new Scratch(); // some columns of x or dy, by pairs of rows
        private final Scratch dA = new Scratch(); // F32 [r, in]: this thread's part
        private final Scratch dB = new Scratch(); // F32 [r, out]: the transpose of this thread's part

        void close() {
            for (Scratch one : new Scratch[] {dy, t, pairs, dA, dB}) {
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
        team.split(x.rows(), Bf16Matmul.ROWS, team.parts((long) x.rows() * out), (part, from, to) -> {
            StripProduct product = matmul.part(part).product();
            int strip = product.rows(in);
            for (long i = from; i < to; i += strip) {
                int m = (int) Math.min(strip, to - i);
                product.run(m, rank, Bf16Matmul.factors(left, i, down), null, toH.at(i, 0), false);
                product.run(
                        m,
                        out,
                        Bf16Matmul.factors(left, i, weight),
                        Bf16Matmul.factors(thin, i, up),
                        toY.at(i, 0),
                        beta != 0);
            }
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
        team.split(rows, Bf16Matmul.ROWS, count, (part, from, to) -> {
            worked[part] = true;
            Walk walk = new Walk(matmul.part(part), parts[part], in, out, rank, weight, up, down);
            walk.needs(dA != null, dB != null);
            int strip = matmul.part(part).product().rows(out);
            for (long i = from; i < to; i += strip) {
                walk.strip(Floats.of(dy), x.data(), h.data(), dx == null ? null : dx.data(), beta != 0, i, (int)
                        Math.min(strip, to - i));
            }
        });
        if (dA != null) {
            team.split((long) in * rank, 16, team.parts((long) in * rank), (part, from, to) -> {
                for (int p = 0; p < count; p++) {
                    if (worked[p]) {
                        add(parts[p].dA.atLeast(0), dA.data(), from, to);
                    }
                }
            });
        }
        if (dB != null) {
            team.split(out, 16, team.parts((long) out * rank), (part, from, to) -> {
                for (int p = 0; p < count; p++) {
                    if (worked[p]) {
                        addTransposed(parts[p].dB.atLeast(0), layer.scale(), dB.data(), rank, out, from, to);
                    }
                }
            });
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

    private PackedMatrix packed(
            Tensor factor, float scale, boolean transposed, int k, int n, Scratch narrow, Scratch memory) {
        MemorySegment source = matmul.half(factor, scale, narrow);
        PackedMatrix matrix = new PackedMatrix(memory.atLeast(PackedMatrix.bytes(k, n)), k, n, k);
        matmul.fill(matrix, source, factor.columns(), transposed);
        return matrix;
    }

    /** One thread's way through its rows. */
    private static final class Walk {
        private final Bf16Matmul.Part mine;
        private final StripProduct product;
        private final Part part;
        private final int in;
        private final int out;
        private final int rank;
        private final PackedMatrix weight;
        private final PackedMatrix up;
        private final PackedMatrix down;
        private boolean wantsA;
        private boolean wantsB;
        private boolean begun;

        Walk(
                Bf16Matmul.Part mine,
                Part part,
                int in,
                int out,
                int rank,
                PackedMatrix weight,
                PackedMatrix up,
                PackedMatrix down) {
            this.mine = mine;
            this.product = mine.product();
            this.part = part;
            this.in = in;
            this.out = out;
            this.rank = rank;
            this.weight = weight;
            this.up = up;
            this.down = down;
        }

        void needs(boolean a, boolean b) {
            wantsA = a;
            wantsB = b;
        }

        /** The rows {@code [i, i + m)}. */
        void strip(
                Floats dy,
                MemorySegment x,
                MemorySegment h,
                @Nullable MemorySegment dx,
                boolean accumulate,
                long i,
                int m) {
            MemorySegment d = dy.data();
            long firstD = i;
            if (!dy.half()) {
                d = part.dy.atLeast((long) m * out * Short.BYTES);
                Floats.narrow(dy.data(), i * out, d, 0, m * out);
                firstD = 0;
            }
            Bf16Matmul.Left gradient = new Bf16Matmul.Left(d, out, false);
            MemorySegment t = part.t.atLeast((long) m * rank * Short.BYTES); // [m, r]
            if (wantsA || dx != null) {
                StripProduct.Target toT = new Bf16Matmul.Target(t, rank, true).at(0, 0);
                product.run(m, rank, Bf16Matmul.factors(gradient, firstD, down), null, toT, false);
            }
            if (wantsB) {
                MemorySegment sum = part.dB.atLeast((long) rank * out * Float.BYTES);
                add(h.asSlice(i * rank * Short.BYTES), d.asSlice(firstD * out * Short.BYTES), out, m, sum);
            }
            if (dx != null) {
                product.run(
                        m,
                        in,
                        Bf16Matmul.factors(gradient, firstD, weight),
                        Bf16Matmul.factors(new Bf16Matmul.Left(t, rank, false), 0, up),
                        new Bf16Matmul.Target(dx, in, true).at(i, 0),
                        accumulate);
            }
            if (wantsA) {
                MemorySegment sum = part.dA.atLeast((long) rank * in * Float.BYTES);
                add(t, x.asSlice(i * in * Short.BYTES), in, m, sum);
            }
            begun = true;
        }

        /** {@code sum[r, wide] (+)= thin^T left} over m rows of thin [m, r] and left [m, wide]. */
        private void add(MemorySegment thin, MemorySegment left, int wide, int m, MemorySegment sum) {
            Bf16Matmul.Left turned = mine.turned(new Bf16Matmul.Left(thin, rank, true), m, 0, rank); // [r, m]
            Bf16Matmul.Target to = new Bf16Matmul.Target(sum, wide, false);
            for (int c = 0; c < wide; c += GROUP) {
                int columns = Math.min(GROUP, wide - c);
                PackedMatrix pairs =
                        new PackedMatrix(part.pairs.atLeast(PackedMatrix.bytes(m, columns)), m, columns, m);
                pairs.fill(left.asSlice((long) c * Short.BYTES), wide, false, 0, PackedMatrix.blocks(columns));
                product.run(rank, columns, Bf16Matmul.factors(turned, 0, pairs), null, to.at(0, c), begun);
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
