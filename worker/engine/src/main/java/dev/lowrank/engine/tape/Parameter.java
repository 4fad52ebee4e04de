package dev.lowrank.engine.tape;

import dev.lowrank.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A dense fp32 weight of the model or of an adapter, alive as long as its owner.
 *
 * @param name its name in a Hugging Face or PEFT file
 * @param gradient of the same shape, summed over the micro-batches of an optimizer step; null while frozen
 */
public record Parameter(String name, Tensor value, @Nullable Tensor gradient) implements Matrix {
    public boolean trainable() {
        return gradient != null;
    }

    @Override
    public long[] shape() {
        return value.shape();
    }

    @Override
    public int rows() {
        return value.rows();
    }

    @Override
    public int columns() {
        return value.columns();
    }
}
