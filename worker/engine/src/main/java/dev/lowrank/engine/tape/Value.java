package dev.lowrank.engine.tape;

import dev.lowrank.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/** An activation of one forward pass, and its gradient once the backward pass has reached it. */
public final class Value {
    private final Tensor data;
    private final boolean needsGradient;
    private @Nullable Tensor gradient;

    Value(Tensor data, boolean needsGradient) {
        this.data = data;
        this.needsGradient = needsGradient;
    }

    public Tensor data() {
        return data;
    }

    /** Whether anything trainable lies behind it, so that the backward pass must go on through it. */
    boolean needsGradient() {
        return needsGradient;
    }

    @Nullable
    Tensor gradient() {
        return gradient;
    }

    void gradient(Tensor gradient) {
        this.gradient = gradient;
    }
}
