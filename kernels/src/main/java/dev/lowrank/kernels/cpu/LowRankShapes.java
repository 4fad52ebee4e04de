package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.LowRankLayer;
import dev.lowrank.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/** The checks of a low-rank layer's operations. */
final class LowRankShapes {
    private LowRankShapes() {}

    static void forward(Tensor x, LowRankLayer layer, float beta, Tensor h, Tensor y) {
        factors("lowRank", layer);
        rows("lowRank", x, h, layer);
        Shapes.realMatrix("lowRank y", y, x.rows(), layer.outputs());
        beta("lowRank", beta);
    }

    static void backward(
            Tensor dy,
            Tensor x,
            Tensor h,
            LowRankLayer layer,
            @Nullable Tensor dA,
            @Nullable Tensor dB,
            float beta,
            @Nullable Tensor dx) {
        factors("lowRankBackward", layer);
        rows("lowRankBackward", x, h, layer);
        Shapes.realMatrix("lowRankBackward dy", dy, x.rows(), layer.outputs());
        if (dA != null) {
            Shapes.matrix("lowRankBackward dA", dA, layer.rank(), layer.inputs());
        }
        if (dB != null) {
            Shapes.matrix("lowRankBackward dB", dB, layer.outputs(), layer.rank());
        }
        if (dx != null) {
            Shapes.realMatrix("lowRankBackward dx", dx, x.rows(), layer.inputs());
        }
        beta("lowRankBackward", beta);
    }

    private static void factors(String what, LowRankLayer layer) {
        Shapes.matrix(what + " a", layer.a(), layer.rank(), layer.inputs());
        Shapes.matrix(what + " b", layer.b(), layer.outputs(), layer.rank());
    }

    private static void rows(String what, Tensor x, Tensor h, LowRankLayer layer) {
        Shapes.realMatrix(what + " x", x, x.rows(), layer.inputs());
        Shapes.realMatrix(what + " h", h, x.rows(), layer.rank());
    }

    private static void beta(String what, float beta) {
        Shapes.require(beta == 0 || beta == 1, () -> "%s beta is %s, but must be 0 or 1.".formatted(what, beta));
    }
}
