package dev.lowrank.kernels.shapes;

import dev.lowrank.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/** The checks of norms of rows. */
public final class NormShapes {
    private NormShapes() {}

    /** x, y F32 or BF16 [N, C]; weight F32 [C]; rstd F32 [N]. */
    public static void rmsNorm(Tensor x, Tensor weight, Tensor y, Tensor rstd) {
        Shapes.realMatrix("rmsNorm x", x);
        Shapes.floats("rmsNorm weight", weight, x.columns());
        Shapes.realMatrix("rmsNorm y", y, x.rows(), x.columns());
        Shapes.floats("rmsNorm rstd", rstd, x.rows());
    }

    /** dy, x F32 or BF16 [N, C]; weight F32 [C]; rstd F32 [N]; dx [N, C] and dWeight F32 [C], or null. */
    public static void rmsNormBackward(
            Tensor dy, Tensor x, Tensor weight, Tensor rstd, @Nullable Tensor dx, @Nullable Tensor dWeight) {
        operands("rmsNormBackward", dy, x, weight);
        Shapes.floats("rmsNormBackward rstd", rstd, x.rows());
        gradients("rmsNormBackward", x, dx, dWeight);
    }

    /** x, y F32 or BF16 [N, C]; weight, bias F32 [C]; mean, rstd F32 [N]. */
    public static void layerNorm(Tensor x, Tensor weight, Tensor bias, Tensor y, Tensor mean, Tensor rstd) {
        Shapes.realMatrix("layerNorm x", x);
        Shapes.floats("layerNorm weight", weight, x.columns());
        Shapes.floats("layerNorm bias", bias, x.columns());
        Shapes.realMatrix("layerNorm y", y, x.rows(), x.columns());
        Shapes.floats("layerNorm mean", mean, x.rows());
        Shapes.floats("layerNorm rstd", rstd, x.rows());
    }

    /** dy, x F32 or BF16 [N, C]; weight F32 [C]; mean, rstd F32 [N]; dx [N, C], dWeight and dBias F32 [C], or null. */
    public static void layerNormBackward(
            Tensor dy,
            Tensor x,
            Tensor weight,
            Tensor mean,
            Tensor rstd,
            @Nullable Tensor dx,
            @Nullable Tensor dWeight,
            @Nullable Tensor dBias) {
        operands("layerNormBackward", dy, x, weight);
        Shapes.floats("layerNormBackward mean", mean, x.rows());
        Shapes.floats("layerNormBackward rstd", rstd, x.rows());
        gradients("layerNormBackward", x, dx, dWeight);
        if (dBias != null) {
            Shapes.floats("layerNormBackward dBias", dBias, x.columns());
        }
    }

    private static void operands(String op, Tensor dy, Tensor x, Tensor weight) {
        Shapes.realMatrix(op + " x", x);
        Shapes.realMatrix(op + " dy", dy, x.rows(), x.columns());
        Shapes.floats(op + " weight", weight, x.columns());
    }

    private static void gradients(String op, Tensor x, @Nullable Tensor dx, @Nullable Tensor dWeight) {
        if (dx != null) {
            Shapes.realMatrix(op + " dx", dx, x.rows(), x.columns());
        }
        if (dWeight != null) {
            Shapes.floats(op + " dWeight", dWeight, x.columns());
        }
    }
}
