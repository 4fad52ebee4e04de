package dev.lowrank.engine.train;

/**
 * The held-out rows, judged by the base alone and by what was trained.
 *
 * @param baseLoss mean over the trained tokens, in nats; {@code tunedLoss} likewise
 * @param tokens held-out tokens that carry loss
 */
public record HeldOut(
        double baseLoss, double tunedLoss, double baseTokenAccuracy, double tunedTokenAccuracy, long tokens) {}
