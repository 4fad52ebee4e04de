package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.FrozenMatrix;
import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Packed;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Term;
import dev.lowrank.kernels.Workspace;
import org.jspecify.annotations.Nullable;

/** Matrix products: in fp32 where all factors are F32, else on BF16, an F32 factor being rounded on the way. */
final class Products {
    private static final int TILE = 64; // of C, rows and columns, in matmul.cu
    private static final int HALF_TILE = 128; // and in matmul_half.cu

    private final Device device;
    private final Nf4Codes codes;

    Products(Device device, Nf4Codes codes) {
        this.device = device;
        this.codes = codes;
    }

    /** {@code c = alpha * op(a) * op(b) + beta * c}. */
    void run(Tensor a, boolean transposeA, Tensor b, boolean transposeB, float alpha, float beta, Tensor c) {
        int k = transposeA ? a.rows() : a.columns();
        if (a.dtype() == DType.F32 && b.dtype() == DType.F32) {
            inFull(a, transposeA, b, transposeB, alpha, beta, c, k);
        } else if (!byLibrary(a, transposeA, b, transposeB, alpha, beta, c, k)) {
            inHalf(a, transposeA, b, transposeB, alpha, beta, c, k);
        }
    }

    private void inFull(
            Tensor a, boolean transposeA, Tensor b, boolean transposeB, float alpha, float beta, Tensor c, int k) {
        device.launch("matmul")
                .with(a)
                .with(transposeA ? 1L : a.columns())
                .with(transposeA ? (long) a.columns() : 1L)
                .with(b)
                .with(transposeB ? 1L : b.columns())
                .with(transposeB ? (long) b.columns() : 1L)
                .with(alpha)
                .with(beta)
                .with(c)
                .with(c.rows())
                .with(c.columns())
                .with(k)
                .run(Math.ceilDiv(c.columns(), TILE), Math.ceilDiv(c.rows(), TILE), 1, Launch.THREADS);
    }

    /** Where both factors are BF16 as they lie, and there is something to add up. */
    private boolean byLibrary(
            Tensor a, boolean transposeA, Tensor b, boolean transposeB, float alpha, float beta, Tensor c, int k) {
        if (a.dtype() != DType.BF16 || b.dtype() != DType.BF16 || k == 0 || c.size() == 0) {
            return false;
        }
        return device.multiply(new Product(
                a.data().address(),
                transposeA,
                b.data().address(),
                transposeB,
                alpha,
                beta,
                c.data().address(),
                c.dtype() == DType.BF16,
                c.rows(),
                c.columns(),
                k));
    }

    private void inHalf(
            Tensor a, boolean transposeA, Tensor b, boolean transposeB, float alpha, float beta, Tensor c, int k) {
        String way =
                transposeA ? transposeB ? "TransposedBoth" : "TransposedLeft" : transposeB ? "TransposedRight" : "";
        device.launch("matmulHalf" + way)
                .with(a)
                .with(b)
                .with(alpha)
                .with(beta)
                .with(c)
                .with(c.rows())
                .with(c.columns())
                .with(k)
                .run(Math.ceilDiv(c.columns(), HALF_TILE), Math.ceilDiv(c.rows(), HALF_TILE), 1, Launch.THREADS);
    }

    /** {@code c = a * op(b) + term + beta * c}. */
    void run(Tensor a, FrozenMatrix b, boolean transposeB, @Nullable Term term, float beta, Tensor c) {
        long mark = device.scratch().mark();
        run(a, false, dense(b), transposeB, 1, beta, c);
        device.scratch().release(mark);
        if (term != null) {
            run(term.left(), false, term.right(), term.transposed(), term.scale(), 1, c);
        }
    }

    /** Both directions read the matrix as it lies. */
    Packed pack(Tensor matrix, Workspace memory) {
        Tensor elements = memory.take(DType.BF16, matrix.rows(), matrix.columns());
        device.convert(matrix, elements);
        return new Packed(matrix.rows(), matrix.columns(), matrix.rows(), elements, elements.slice(0, 0));
    }

    /** The elements of a frozen matrix, BF16 [rows, columns]; those of 4 bits in scratch memory. */
    private Tensor dense(FrozenMatrix matrix) {
        return switch (matrix) {
            case Packed packed -> packed.forward();
            case Nf4 quantized -> {
                Tensor elements = device.scratch().take(DType.BF16, quantized.rows(), quantized.columns());
                codes.dequantize(quantized, elements);
                yield elements;
            }
        };
    }
}
