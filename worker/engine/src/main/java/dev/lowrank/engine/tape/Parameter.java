package dev.lowrank.engine.tape;

import dev.lowrank.kernels.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A weight of the model, alive as long as the model.
 *
 * @param name its name in a Hugging Face or PEFT file
 * @param gradient of the same shape, summed over the micro-batches of an optimizer step; null while frozen
 */
public record Parameter(String name, Tensor value, @Nullable Tensor gradient) {
    public boolean trainable() {
        return gradient != null;
    }
}
