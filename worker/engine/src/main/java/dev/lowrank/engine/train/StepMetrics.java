package dev.lowrank.engine.train;

import org.jspecify.annotations.Nullable;

/**
 * One optimizer step.
 *
 * @param step optimizer steps completed, this one included (1 after the first)
 * @param loss mean over the step's trained tokens, in nats
 * @param gradNorm before clipping
 * @param learningRate used in this step
 * @param trainedTokens tokens that carried loss
 * @param tokensPerSecond all tokens that went through the model, over the step's wall time
 * @param tokenAccuracy share of trained tokens that were the most likely one
 * @param margin mean lead of preferred answers, in nats times beta; null where nothing is preferred
 * @param skipped why nothing was moved, in one word; then there are no figures but the learning rate. Null usually
 */
public record StepMetrics(
        int step,
        int totalSteps,
        double loss,
        double gradNorm,
        double learningRate,
        long trainedTokens,
        double tokensPerSecond,
        double tokenAccuracy,
        @Nullable Double margin,
        @Nullable String skipped) {
    /** The reason of a step in which no token carries loss. */
    public static final String ALL_MASKED = "all_masked";

    /** A step that was taken. */
    public StepMetrics(
            int step,
            int totalSteps,
            double loss,
            double gradNorm,
            double learningRate,
            long trainedTokens,
            double tokensPerSecond,
            double tokenAccuracy,
            @Nullable Double margin) {
        this(
                step,
                totalSteps,
                loss,
                gradNorm,
                learningRate,
                trainedTokens,
                tokensPerSecond,
                tokenAccuracy,
                margin,
                null);
    }

    static StepMetrics skipped(int step, int totalSteps, double learningRate, String reason) {
        return new StepMetrics(step, totalSteps, 0, 0, learningRate, 0, 0, 0, null, reason);
    }
}
