package dev.lowrank.kernels;

import org.jspecify.annotations.Nullable;

/**
 * What each row must predict, and how its loss turns into gradients.
 *
 * @param labels I32 [N], a token, or {@link Kernels#IGNORED} in rows without loss
 * @param scale what every gradient is multiplied by (1 / trained tokens of the whole optimizer step)
 * @param rowScale F32 [N], what a row's gradient is multiplied by besides; null for 1. Reported losses are without it
 * @param softCap logits become {@code cap * tanh(logit / cap)} before the softmax; 0 for none
 */
public record TokenLoss(
        Tensor labels, float scale, @Nullable Tensor rowScale, float softCap) {
    public TokenLoss {
        if (!(softCap >= 0 && softCap < Float.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                    "The logits' soft cap is %s; it must be above 0, or 0 for none.".formatted(softCap));
        }
    }

    /** The loss alone, with no gradient to scale. */
    public static TokenLoss of(Tensor labels) {
        return new TokenLoss(labels, 1, null, 0);
    }

    /** All rows alike, no cap. */
    public static TokenLoss of(Tensor labels, float scale) {
        return new TokenLoss(labels, scale, null, 0);
    }

    public TokenLoss withRowScale(@Nullable Tensor factors) {
        return new TokenLoss(labels, scale, factors, softCap);
    }

    public TokenLoss withSoftCap(float cap) {
        return new TokenLoss(labels, scale, rowScale, cap);
    }
}
