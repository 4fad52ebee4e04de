package dev.lowrank.kernels.shapes;

import dev.lowrank.kernels.Tensor;

/** The checks of operations that make numbers of whole tensors, or of their rows. */
public final class ReductionShapes {
    private ReductionShapes() {}

    /** x F32 or BF16 [R, C]; out F32 [R]. */
    public static void rowNorms(Tensor x, Tensor out) {
        Shapes.realMatrix("rowNorms x", x);
        Shapes.floats("rowNorms out", out, x.rows());
    }

    /** x F32 or BF16. */
    public static void sumOfSquares(Tensor x) {
        Shapes.reals("sumOfSquares x", x);
    }

    /** x F32 or BF16. */
    public static void allFinite(Tensor x) {
        Shapes.reals("allFinite x", x);
    }
}
