package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.LowRankBranch;
import dev.lowrank.kernels.LowRankGradient;
import dev.lowrank.kernels.LowRankLayer;
import dev.lowrank.kernels.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The checks of a low-rank layer's operations. */
final class LowRankShapes {
    private LowRankShapes() {}

    static void forward(Tensor x, LowRankLayer layer, @Nullable Tensor base, Tensor h, Tensor y) {
        factors("lowRank", layer);
        rows("lowRank", x, h, layer);
        Shapes.realMatrix("lowRank y", y, x.rows(), layer.outputs());
        if (base != null) {
            Shapes.realMatrix("lowRank base", base, x.rows(), layer.outputs());
            Shapes.require(base.dtype() == y.dtype(), () -> "lowRank base is not of y's type.");
        }
    }

    static void branches(String what, Tensor x, List<LowRankBranch> branches) {
        Shapes.require(!branches.isEmpty(), () -> what + " has no branches.");
        for (int i = 0; i < branches.size(); i++) {
            String which = what + " " + i;
            LowRankLayer layer = branches.get(i).layer();
            factors(which, layer);
            Shapes.halfMatrix(which + " x", x, x.rows(), layer.inputs());
            Shapes.halfMatrix(which + " h", branches.get(i).h(), x.rows(), layer.rank());
            Shapes.realMatrix(which + " y", branches.get(i).y(), x.rows(), layer.outputs());
        }
    }

    static void branchesBackward(
            Tensor x, List<LowRankBranch> branches, List<LowRankGradient> gradients, float beta, @Nullable Tensor dx) {
        String what = "lowRankBranchesBackward";
        branches(what, x, branches);
        Shapes.require(
                gradients.size() == branches.size(),
                () -> "%s has %d branches and gradients of %d.".formatted(what, branches.size(), gradients.size()));
        for (int i = 0; i < branches.size(); i++) {
            gradient(what + " " + i, gradients.get(i), branches.get(i).layer());
        }
        if (dx != null) {
            Shapes.halfMatrix(what + " dx", dx, x.rows(), x.columns());
        }
        beta(what, beta);
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
        gradient("lowRankBackward", new LowRankGradient(dA, dB), layer);
        if (dx != null) {
            Shapes.realMatrix("lowRankBackward dx", dx, x.rows(), layer.inputs());
        }
        beta("lowRankBackward", beta);
    }

    static void gradient(String what, LowRankGradient gradient, LowRankLayer layer) {
        if (gradient.a() != null) {
            Shapes.matrix(what + " dA", gradient.a(), layer.rank(), layer.inputs());
        }
        if (gradient.b() != null) {
            Shapes.matrix(what + " dB", gradient.b(), layer.outputs(), layer.rank());
        }
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
