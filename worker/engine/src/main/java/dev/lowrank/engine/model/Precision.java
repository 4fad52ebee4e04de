package dev.lowrank.engine.model;

/**
 * How weights are held.
 *
 * @param trainable every weight gets a gradient (full fine-tuning)
 * @param quantized linear layers are frozen in NF4; the rest stays fp32
 * @param doubleQuantized their scales are quantized too
 */
public record Precision(boolean trainable, boolean quantized, boolean doubleQuantized) {
    /** fp32, frozen. */
    public static final Precision FROZEN = new Precision(false, false, false);
    /** fp32, every weight with a gradient. */
    public static final Precision TRAINABLE = new Precision(true, false, false);

    public Precision {
        if (trainable && quantized) {
            throw new IllegalArgumentException("4-bit weights cannot be trained.");
        }
    }

    /** Linear layers in NF4, frozen. */
    public static Precision nf4(boolean doubleQuantized) {
        return new Precision(false, true, doubleQuantized);
    }
}
