package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.LowRankLayer;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Term;
import org.jspecify.annotations.Nullable;

/** A frozen linear layer with a low-rank update, forwards and back. */
final class LowRank {
    private final Device device;
    private final Products products;

    LowRank(Device device, Products products) {
        this.device = device;
        this.products = products;
    }

    /** {@code h = x A^T} and {@code y = base + x W^T + scale * h B^T}; base may be y. */
    void forward(Tensor x, LowRankLayer layer, @Nullable Tensor base, Tensor h, Tensor y) {
        if (base != null && base.data().address() != y.data().address()) {
            device.copy(base, y);
        }
        products.run(x, false, layer.a(), true, 1, 0, h);
        Term update = new Term(h, layer.b(), true, layer.scale());
        products.run(x, layer.weight(), !layer.transposed(), update, base == null ? 0 : 1, y);
    }

    /**
     * With {@code y = x W^T + scale * h B^T} and {@code h = x A^T}: {@code dB = scale * dy^T h}; the gradient of h is
     * {@code t = scale * dy B}, so {@code dA = t^T x} and {@code dx = dy W + t A}.
     */
    void backward(
            Tensor dy,
            Tensor x,
            Tensor h,
            LowRankLayer layer,
            @Nullable Tensor dA,
            @Nullable Tensor dB,
            float beta,
            @Nullable Tensor dx) {
        if (dB != null) {
            products.run(dy, true, h, false, layer.scale(), 1, dB);
        }
        if (dA == null && dx == null) {
            return;
        }
        long mark = device.scratch().mark();
        Tensor t = device.scratch().take(h.dtype(), h.shape());
        products.run(dy, false, layer.b(), false, layer.scale(), 0, t);
        if (dA != null) {
            products.run(t, true, x, false, 1, 1, dA);
        }
        if (dx != null) {
            products.run(dy, layer.weight(), layer.transposed(), new Term(t, layer.a(), false, 1), beta, dx);
        }
        device.scratch().release(mark);
    }
}
