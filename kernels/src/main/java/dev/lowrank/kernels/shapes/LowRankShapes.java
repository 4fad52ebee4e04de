package dev.lowrank.kernels.shapes;

import dev.lowrank.kernels.LowRankBranch;
import dev.lowrank.kernels.LowRankGradient;
import dev.lowrank.kernels.LowRankLayer;
import dev.lowrank.kernels.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The checks of a low-rank layer's operations. */
public final class LowRankShapes {
    private LowRankShapes() {}

    /** x [N, in]; base [N, out] of y's type, or null; h [N, r]; y [N, out]. */
    public static void lowRank(Tensor x, LowRankLayer layer, @Nullable Tensor base, Tensor h, Tensor y) {
        factors("lowRank", layer);
        rows("lowRank", x, h, layer);
        Shapes.realMatrix("lowRank y", y, x.rows(), layer.outputs());
        if (base != null) {
            Shapes.realMatrix("lowRank base", base, x.rows(), layer.outputs());
            Shapes.require(base.dtype() == y.dtype(), () -> "lowRank base is not of y's type.");
        }
    }

    /** As {@link #lowRank}; dy [N, out]; dA [r, in], dB [out, r] and dx [N, in] or null; beta 0 or 1. */
    public static void lowRankBackward(
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
        Shapes.beta("lowRankBackward", beta);
    }

    /** x BF16 [N, in]; of each branch, at least one, h BF16 [N, r] and y [N, out]. */
    public static void lowRankBranches(Tensor x, List<LowRankBranch> branches) {
        branches("lowRankBranches", x, branches);
    }

    /** As {@link #lowRankBranches}, with gradients for as many branches; dx BF16 [N, in] or null; beta 0 or 1. */
    public static void lowRankBranchesBackward(
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
        Shapes.beta(what, beta);
    }

    /** dA [r, in] and dB [out, r], or null. */
    static void gradient(String what, LowRankGradient gradient, LowRankLayer layer) {
        if (gradient.a() != null) {
            Shapes.matrix(what + " dA", gradient.a(), layer.rank(), layer.inputs());
        }
        if (gradient.b() != null) {
            Shapes.matrix(what + " dB", gradient.b(), layer.outputs(), layer.rank());
        }
    }

    /** a [r, in] and b [out, r]. */
    static void factors(String what, LowRankLayer layer) {
        Shapes.matrix(what + " a", layer.a(), layer.rank(), layer.inputs());
        Shapes.matrix(what + " b", layer.b(), layer.outputs(), layer.rank());
    }

    private static void branches(String what, Tensor x, List<LowRankBranch> branches) {
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

    private static void rows(String what, Tensor x, Tensor h, LowRankLayer layer) {
        Shapes.realMatrix(what + " x", x, x.rows(), layer.inputs());
        Shapes.realMatrix(what + " h", h, x.rows(), layer.rank());
    }
}
