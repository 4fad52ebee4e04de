package dev.lowrank.kernels.shapes;

import dev.lowrank.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/** The checks of operations that treat the columns of a matrix each in its own way. */
public final class ColumnShapes {
    private ColumnShapes() {}

    /** x F32 or BF16 [N, C]; bias F32 [C]. */
    public static void addBias(Tensor x, Tensor bias) {
        Shapes.realMatrix("addBias x", x);
        Shapes.floats("addBias bias", bias, x.columns());
    }

    /** dy F32 or BF16 [N, C]; dBias F32 [C]. */
    public static void columnSums(Tensor dy, Tensor dBias) {
        Shapes.realMatrix("columnSums dy", dy);
        Shapes.floats("columnSums dBias", dBias, dy.columns());
    }

    /** source F32 or BF16 [N, C], target [N, D]; so many columns in each of them, from its first one on. */
    public static void copyColumns(Tensor source, int sourceColumn, Tensor target, int targetColumn, int columns) {
        Shapes.realMatrix("copyColumns source", source);
        Shapes.realMatrix("copyColumns target", target, source.rows(), target.columns());
        inside("source", source, sourceColumn, columns);
        inside("target", target, targetColumn, columns);
    }

    /** x, out F32 or BF16 [N, C]; factor F32 [C]. */
    public static void scaleColumns(Tensor x, Tensor factor, Tensor out) {
        Shapes.realMatrix("scaleColumns x", x);
        Shapes.floats("scaleColumns factor", factor, x.columns());
        Shapes.realMatrix("scaleColumns out", out, x.rows(), x.columns());
    }

    /** x, dy F32 or BF16 [N, C]; factor F32 [C]; dX [N, C] and dFactor F32 [C], or null. */
    public static void scaleColumnsBackward(
            Tensor dy, Tensor x, Tensor factor, @Nullable Tensor dX, @Nullable Tensor dFactor) {
        Shapes.realMatrix("scaleColumnsBackward x", x);
        int rows = x.rows();
        int columns = x.columns();
        Shapes.realMatrix("scaleColumnsBackward dy", dy, rows, columns);
        Shapes.floats("scaleColumnsBackward factor", factor, columns);
        if (dX != null) {
            Shapes.realMatrix("scaleColumnsBackward dX", dX, rows, columns);
        }
        if (dFactor != null) {
            Shapes.floats("scaleColumnsBackward dFactor", dFactor, columns);
        }
    }

    private static void inside(String what, Tensor matrix, int first, int columns) {
        Shapes.require(
                first >= 0 && columns >= 0 && columns <= matrix.columns() - first,
                () -> "copyColumns %s is %s, which has no %d columns from %d on."
                        .formatted(what, matrix, columns, first));
    }
}
