package dev.lowrank.engine.model;

import dev.lowrank.kernels.DType;

/**
 * How weights are held and what is computed in.
 *
 * @param trainable every weight gets a gradient (full fine-tuning) and is held in fp32
 * @param quantized linear layers are frozen in NF4
 * @param doubleQuantized their scales are quantized too
 * @param compute what activations inside of blocks are kept in, and frozen matrices: BF16 or F32. The stream between
 *     blocks, norms' weights and biases are fp32 either way
 */
public record Precision(boolean trainable, boolean quantized, boolean doubleQuantized, DType compute) {
    /** fp32, frozen. */
    public static final Precision FROZEN = frozen(DType.F32);
    /** fp32, every weight with a gradient. */
    public static final Precision TRAINABLE = trainable(DType.F32);

    public Precision {
        if (trainable && quantized) {
            throw new IllegalArgumentException("4-bit weights cannot be trained.");
        }
    }

    public static Precision frozen(DType compute) {
        return new Precision(false, false, false, compute);
    }

    /** Every weight in fp32 with a gradient. */
    public static Precision trainable(DType compute) {
        return new Precision(true, false, false, compute);
    }

    /** Linear layers in NF4, frozen, computed with in fp32. */
    public static Precision nf4(boolean doubleQuantized) {
        return nf4(doubleQuantized, DType.F32);
    }

    /** Linear layers in NF4, frozen. */
    public static Precision nf4(boolean doubleQuantized, DType compute) {
        return new Precision(false, true, doubleQuantized, compute);
    }

    /** What frozen matrices are kept in where they are not quantized. */
    DType matrices() {
        return trainable ? DType.F32 : compute;
    }
}
