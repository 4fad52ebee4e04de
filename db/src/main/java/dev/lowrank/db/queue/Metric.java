package dev.lowrank.db.queue;

import org.jspecify.annotations.Nullable;

/**
 * One optimizer step's figures, as they are stored.
 *
 * @param step from 1
 * @param loss mean over the step's trained tokens, in nats
 * @param trainedTokens tokens of this step that carried loss
 */
public record Metric(
        int step,
        @Nullable Double loss,
        @Nullable Double gradNorm,
        double learningRate,
        long trainedTokens,
        @Nullable Double tokensPerSecond,
        @Nullable Double tokenAccuracy,
        @Nullable Double validLoss,
        @Nullable Double validTokenAccuracy) {}
