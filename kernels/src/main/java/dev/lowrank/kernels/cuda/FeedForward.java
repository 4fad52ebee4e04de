package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.Activation;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.FeedForwardLayers;
import dev.lowrank.kernels.FeedForwardState;
import dev.lowrank.kernels.LowRankGradient;
import dev.lowrank.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/** A gated feed-forward of low-rank layers, forwards and back. Of what lies between the layers, gate and up are kept. */
final class FeedForward {
    private final Device device;
    private final LowRank lowRank;

    FeedForward(Device device, LowRank lowRank) {
        this.device = device;
        this.lowRank = lowRank;
    }

    /** {@code out = base + down(f(gate(x)) * up(x))}. */
    void forward(Tensor x, FeedForwardLayers layers, @Nullable Tensor base, FeedForwardState kept, Tensor out) {
        lowRank.forward(x, layers.gate(), null, kept.gateH(), kept.gate());
        lowRank.forward(x, layers.up(), null, kept.upH(), kept.up());
        long mark = device.scratch().mark();
        Tensor inner = device.scratch().take(DType.BF16, kept.gate().shape());
        gated(layers.activation(), kept.gate(), kept.up(), inner);
        lowRank.forward(inner, layers.down(), base, kept.downH(), out);
        device.scratch().release(mark);
    }

    /** The layers' own ways back, last to first; what goes into down is computed again. */
    void backward(
            Tensor dOut,
            Tensor x,
            FeedForwardLayers layers,
            FeedForwardState kept,
            LowRankGradient gate,
            LowRankGradient up,
            LowRankGradient down,
            @Nullable Tensor dx) {
        long mark = device.scratch().mark();
        Tensor inner = device.scratch().take(DType.BF16, kept.gate().shape());
        Tensor dInner = device.scratch().take(DType.BF16, kept.gate().shape());
        gated(layers.activation(), kept.gate(), kept.up(), inner);
        lowRank.backward(dOut, inner, kept.downH(), layers.down(), down.a(), down.b(), 0, dInner);
        // Nobody reads what went into down any more: its place takes the gradient of up.
        gatedBackward(layers.activation(), dInner, kept.gate(), kept.up(), dInner, inner);
        lowRank.backward(dInner, x, kept.gateH(), layers.gate(), gate.a(), gate.b(), 0, dx);
        lowRank.backward(inner, x, kept.upH(), layers.up(), up.a(), up.b(), 1, dx);
        device.scratch().release(mark);
    }

    void gated(Activation activation, Tensor gate, Tensor up, Tensor out) {
        device.launch("gated")
                .with(activation.ordinal())
                .with(gate)
                .with(up)
                .with(out)
                .with(out.size())
                .overElements(out.size());
    }

    void gatedBackward(Activation activation, Tensor dOut, Tensor gate, Tensor up, Tensor dGate, Tensor dUp) {
        device.launch("gatedBackward")
                .with(activation.ordinal())
                .with(dOut)
                .with(gate)
                .with(up)
                .with(dGate)
                .with(dUp)
                .with(dOut.size())
                .overElements(dOut.size());
    }
}
