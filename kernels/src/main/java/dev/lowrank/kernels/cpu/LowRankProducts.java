package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.LowRankGradient;
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
    private final LowRankFactors factors;
    private final LowRankSums sums;
    private final Part[] parts;

    /** What one thread works in. */
    private static final class Part {
        private final Scratch dy = new Scratch(); // BF16 [strip, out], where dy is F32
        private final Scratch t = new Scratch(); // BF16 [strip, r]
    }

    LowRankProducts(Team team, Bf16Matmul matmul) {
        this.team = team;
        this.matmul = matmul;
        this.factors = new LowRankFactors(team);
        this.sums = new LowRankSums(team.size());
        this.parts = new Part[team.size()];
        for (int i = 0; i < parts.length; i++) {
            parts[i] = new Part();
        }
    }

    /** {@code h = x A^T} and {@code y = x W^T + scale h B^T + beta y}; x, h BF16, y BF16 or F32. */
    void forward(Tensor x, LowRankLayer layer, float beta, Tensor h, Tensor y) {
        LowRankFactors.Direction to = factors.forward(matmul, layer);
        boolean half = y.dtype() == DType.BF16;
        team.split(x.rows(), Bf16Matmul.ROWS, team.parts(y.size()), (part, from, end) -> {
            StripProduct product = matmul.part(part).product();
            int strip = product.rows(layer.inputs());
            for (long i = from; i < end; i += strip) {
                int m = (int) Math.min(strip, end - i);
                MemorySegment thin = rows(h, i);
                to.reduce(product, m, rows(x, i), thin);
                to.expand(product, m, rows(x, i), thin, rows(y, i), half, beta != 0);
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
     * @param dy BF16 or F32 [N, out]
     * @param dx BF16 [N, in], to which it is added if {@code beta} is 1; null where it is not wanted
     */
    void backward(
            Tensor dy,
            Tensor x,
            Tensor h,
            LowRankLayer layer,
            LowRankGradient wanted,
            float beta,
            @Nullable Tensor dx) {
        LowRankFactors.Direction back = factors.backward(matmul, layer);
        team.split(dy.rows(), Bf16Matmul.ROWS, team.parts(dy.size()), (part, from, end) -> {
            Bf16Matmul.Part mine = matmul.part(part);
            LowRankSums.Part sum = sums.begin(part);
            int strip = mine.product().rows(layer.outputs());
            for (long i = from; i < end; i += strip) {
                int m = (int) Math.min(strip, end - i);
                MemorySegment d = half(dy, i, m, parts[part].dy);
                MemorySegment t = parts[part].t.atLeast((long) m * layer.rank() * Short.BYTES);
                back.reduce(mine.product(), m, d, t);
                if (dx != null) {
                    back.expand(mine.product(), m, d, t, rows(dx, i), true, beta != 0);
                }
                sum.add(mine, layer, wanted, m, rows(x, i), d, rows(h, i), t);
            }
        });
        sums.into(wanted, layer, matmul, team);
    }

    /** A matrix from row i on. */
    static MemorySegment rows(Tensor matrix, long i) {
        return matrix.data().asSlice(i * matrix.columns() * matrix.dtype().bytes());
    }

    /** Rows {@code [i, i + m)} as BF16: where they are, or a copy. */
    static MemorySegment half(Tensor matrix, long i, int m, Scratch copy) {
        if (matrix.dtype() == DType.BF16) {
            return rows(matrix, i);
        }
        int columns = matrix.columns();
        MemorySegment rows = copy.atLeast((long) m * columns * Short.BYTES);
        Floats.narrow(matrix.data(), i * columns, rows, 0, m * columns);
        return rows;
    }

    /** What weights of 4 bits are unpacked into. */
    long unpackedBytes() {
        return factors.unpackedBytes();
    }

    @Override
    public void close() {
        factors.close();
        sums.close();
        for (Part part : parts) {
            part.dy.close();
            part.t.close();
        }
    }
}
