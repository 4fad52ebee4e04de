package dev.lowrank.kernels.shapes;

import dev.lowrank.kernels.FrozenMatrix;
import dev.lowrank.kernels.Packed;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Term;
import org.jspecify.annotations.Nullable;

/** The checks of matrix products, and of matrices that are laid out for them. */
public final class ProductShapes {
    private ProductShapes() {}

    /** op(a) [M, K], op(b) [K, N], c [M, N], each F32 or BF16. */
    public static void matmul(Tensor a, boolean transposeA, Tensor b, boolean transposeB, Tensor c) {
        Shapes.realMatrix("matmul a", a);
        Shapes.realMatrix("matmul b", b);
        int m = transposeA ? a.columns() : a.rows();
        int k = transposeA ? a.rows() : a.columns();
        int n = transposeB ? b.rows() : b.columns();
        int inner = transposeB ? b.columns() : b.rows();
        Shapes.require(
                k == inner,
                () -> "matmul of %s%s and %s%s: the inner extents %d and %d differ."
                        .formatted(a, transposeA ? "^T" : "", b, transposeB ? "^T" : "", k, inner));
        Shapes.realMatrix("matmul c", c, m, n);
    }

    /** a [M, K], c [M, N], each F32 or BF16; op(b) [K, N]; the term's product [M, N]; beta 0 or 1. */
    public static void matmul(Tensor a, FrozenMatrix b, boolean transposeB, @Nullable Term term, float beta, Tensor c) {
        int k = transposeB ? b.columns() : b.rows();
        int n = transposeB ? b.rows() : b.columns();
        Shapes.realMatrix("matmul a", a);
        Shapes.require(
                a.columns() == k, () -> "matmul of %s and a frozen matrix: the inner extents differ.".formatted(a));
        Shapes.realMatrix("matmul c", c, a.rows(), n);
        Shapes.beta("matmul", beta);
        if (term != null) {
            term(term, a.rows(), n);
        }
    }

    /** matrix F32 or BF16 [R, C]. */
    public static void pack(Tensor matrix) {
        Shapes.realMatrix("pack matrix", matrix);
    }

    /** matrix F32 or BF16 [R, C]. */
    public static void packTable(Tensor matrix) {
        Shapes.realMatrix("packTable matrix", matrix);
    }

    /** out F32 or BF16 [R, C], as the matrix. */
    public static void unpack(Packed matrix, Tensor out) {
        Shapes.realMatrix("unpack out", out, matrix.rows(), matrix.columns());
    }

    private static void term(Term term, int m, int n) {
        Tensor left = term.left();
        Shapes.realMatrix("matmul term", left);
        int rank = left.columns();
        Shapes.realMatrix("matmul term", left, m, rank);
        Shapes.realMatrix("matmul term", term.right(), term.transposed() ? n : rank, term.transposed() ? rank : n);
    }
}
