package dev.lowrank.kernels.shapes;

import dev.lowrank.kernels.FeedForwardLayers;
import dev.lowrank.kernels.FeedForwardState;
import dev.lowrank.kernels.LowRankGradient;
import dev.lowrank.kernels.LowRankLayer;
import dev.lowrank.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/** The checks of a feed-forward's operations. */
public final class FeedForwardShapes {
    private FeedForwardShapes() {}

    /** x BF16 [N, C]; gate and up from C to F, down from F; base of out's type, or null; kept BF16; out [N, C]. */
    public static void feedForward(
            Tensor x, FeedForwardLayers layers, @Nullable Tensor base, FeedForwardState kept, Tensor out) {
        common("feedForward", x, layers, kept);
        Shapes.realMatrix("feedForward out", out, x.rows(), layers.down().outputs());
        if (base != null) {
            Shapes.realMatrix("feedForward base", base, x.rows(), layers.down().outputs());
            Shapes.require(base.dtype() == out.dtype(), () -> "feedForward base is not of out's type.");
        }
    }

    /** As {@link #feedForward}; dOut [N, C]; gradients of each layer as in a low-rank one; dx BF16 [N, C] or null. */
    public static void feedForwardBackward(
            Tensor dOut,
            Tensor x,
            FeedForwardLayers layers,
            FeedForwardState kept,
            LowRankGradient gate,
            LowRankGradient up,
            LowRankGradient down,
            @Nullable Tensor dx) {
        common("feedForwardBackward", x, layers, kept);
        Shapes.realMatrix(
                "feedForwardBackward dOut", dOut, x.rows(), layers.down().outputs());
        LowRankShapes.gradient("feedForwardBackward gate", gate, layers.gate());
        LowRankShapes.gradient("feedForwardBackward up", up, layers.up());
        LowRankShapes.gradient("feedForwardBackward down", down, layers.down());
        if (dx != null) {
            Shapes.halfMatrix(
                    "feedForwardBackward dx", dx, x.rows(), layers.gate().inputs());
        }
    }

    private static void common(String what, Tensor x, FeedForwardLayers layers, FeedForwardState kept) {
        int rows = x.rows();
        int width = layers.gate().inputs();
        int inner = layers.gate().outputs();
        layer(what + " gate", layers.gate(), width, inner);
        layer(what + " up", layers.up(), width, inner);
        layer(what + " down", layers.down(), inner, layers.down().outputs());
        Shapes.halfMatrix(what + " x", x, rows, width);
        Shapes.halfMatrix(what + " kept gate", kept.gate(), rows, inner);
        Shapes.halfMatrix(what + " kept up", kept.up(), rows, inner);
        Shapes.halfMatrix(
                what + " kept gateH", kept.gateH(), rows, layers.gate().rank());
        Shapes.halfMatrix(what + " kept upH", kept.upH(), rows, layers.up().rank());
        Shapes.halfMatrix(
                what + " kept downH", kept.downH(), rows, layers.down().rank());
    }

    private static void layer(String what, LowRankLayer layer, int in, int out) {
        Shapes.require(
                layer.inputs() == in && layer.outputs() == out,
                () -> "%s is from %d to %d, but must be from %d to %d."
                        .formatted(what, layer.inputs(), layer.outputs(), in, out));
        LowRankShapes.factors(what, layer);
    }
}
