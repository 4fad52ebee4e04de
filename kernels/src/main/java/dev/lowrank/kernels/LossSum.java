package dev.lowrank.kernels;

/**
 * Cross-entropy over the trained rows of a batch.
 *
 * @param loss sum of {@code logsumexp(logits) - logits[label]} in nats
 * @param tokens rows whose label is not {@link Kernels#IGNORED}
 * @param correct rows whose largest logit is the label's
 */
public record LossSum(double loss, long tokens, long correct) {
    public static final LossSum ZERO = new LossSum(0, 0, 0);

    public LossSum plus(LossSum other) {
        return new LossSum(loss + other.loss, tokens + other.tokens, correct + other.correct);
    }
}
