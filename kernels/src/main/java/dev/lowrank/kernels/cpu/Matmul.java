package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.FrozenMatrix;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Term;
import dev.lowrank.kernels.shapes.ProductShapes;
import org.jspecify.annotations.Nullable;

/**
 * Matrix products, in fp32 where all three matrices are F32, else on bf16. oneDNN computes on one thread; we divide C ourselves, along its longer side, so that which thread
 * computes what never depends on timing.
 */
final class Matmul {
    /** Products below this many multiply-adds are not worth dividing. */
    private static final long ALONE = 100_000;

    /** No thread gets a narrower strip of C than this, and strips are multiples of it: one vector of fp32. */
    private static final long STRIP = 16;

    private final Team team;
    private final Bf16Matmul half;

    Matmul(Team team, Bf16Matmul half) {
        this.team = team;
        this.half = half;
    }

    void run(Tensor a, boolean transposeA, Tensor b, boolean transposeB, float alpha, float beta, Tensor c) {
        ProductShapes.matmul(a, transposeA, b, transposeB, c);
        int m = transposeA ? a.columns() : a.rows();
        int k = transposeA ? a.rows() : a.columns();
        int n = transposeB ? b.rows() : b.columns();
        if (m == 0 || n == 0) {
            return;
        }
        if (k == 0) {
            scaleOnly(team, c, beta);
            return;
        }
        if (a.dtype() == DType.BF16 || b.dtype() == DType.BF16 || c.dtype() == DType.BF16) {
            half.run(a, transposeA, b, transposeB, alpha, beta, c);
            return;
        }
        multiply(
                transposeA,
                transposeB,
                m,
                n,
                k,
                alpha,
                a.data().address(),
                a.columns(),
                b.data().address(),
                b.columns(),
                beta,
                c.data().address(),
                n);
    }

    void run(Tensor a, FrozenMatrix b, boolean transposeB, @Nullable Term term, float beta, Tensor c) {
        ProductShapes.matmul(a, b, transposeB, term, beta, c);
        int k = transposeB ? b.columns() : b.rows();
        int n = transposeB ? b.rows() : b.columns();
        if (a.rows() > 0 && n > 0 && k > 0) {
            half.run(a, b, transposeB, term, beta, c);
        }
    }

    /** {@code C = alpha * op(A) * op(B) + beta * C} on the whole team; the arguments of {@link OneDnn#sgemm}. */
    void multiply(
            boolean transposeA,
            boolean transposeB,
            long m,
            long n,
            long k,
            float alpha,
            long a,
            long lda,
            long b,
            long ldb,
            float beta,
            long c,
            long ldc) {
        int parts = m * n * k < ALONE || Math.max(m, n) < 2 * STRIP ? 1 : team.size();
        if (m >= n) {
            long rowOfA = Float.BYTES * (transposeA ? 1 : lda);
            team.split(
                    m,
                    STRIP,
                    parts,
                    (from, to) -> OneDnn.sgemm(
                            transposeA,
                            transposeB,
                            to - from,
                            n,
                            k,
                            alpha,
                            a + from * rowOfA,
                            lda,
                            b,
                            ldb,
                            beta,
                            c + from * ldc * Float.BYTES,
                            ldc));
        } else {
            long columnOfB = Float.BYTES * (transposeB ? ldb : 1);
            team.split(
                    n,
                    STRIP,
                    parts,
                    (from, to) -> OneDnn.sgemm(
                            transposeA,
                            transposeB,
                            m,
                            to - from,
                            k,
                            alpha,
                            a,
                            lda,
                            b + from * columnOfB,
                            ldb,
                            beta,
                            c + from * Float.BYTES,
                            ldc));
        }
    }

    private static void scaleOnly(Team team, Tensor c, float beta) {
        if (beta == 0) {
            c.data().fill((byte) 0);
        } else {
            Elementwise.scale(team, c, beta);
        }
    }
}
