package dev.lowrank.kernels;

/**
 * How attention is shaped, besides its tensors. Positions count in the keys of a sequence, queries being its last rows:
 * query q of Q stands at key position {@code K - Q + q}. A query never sees a later position.
 *
 * @param heads query heads, a multiple of {@code kvHeads}
 * @param kvHeads key-value heads, each shared by {@code heads / kvHeads} query heads in order
 * @param scale what products of queries and keys are multiplied by, most often {@code 1 / sqrt(D)}
 * @param window how many positions a query sees, its own included; 0 for every earlier one
 * @param softCap scores become {@code cap * tanh(score / cap)} after scaling and before masking; 0 for none
 */
public record AttentionShape(int heads, int kvHeads, float scale, int window, float softCap) {
    public AttentionShape {
        if (heads < 1 || kvHeads < 1 || heads % kvHeads != 0) {
            throw new IllegalArgumentException(
                    "Attention: %d query heads do not divide over %d key-value heads.".formatted(heads, kvHeads));
        }
        if (window < 0) {
            throw new IllegalArgumentException(
                    "Attention's window is %d; it must be a number of positions, or 0 for all.".formatted(window));
        }
        if (!(softCap >= 0 && softCap < Float.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                    "Attention's soft cap is %s; it must be above 0, or 0 for none.".formatted(softCap));
        }
    }

    /** Every earlier position, no cap. */
    public static AttentionShape causal(int heads, int kvHeads, float scale) {
        return new AttentionShape(heads, kvHeads, scale, 0, 0);
    }
}
