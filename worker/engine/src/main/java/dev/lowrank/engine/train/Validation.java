package dev.lowrank.engine.train;

import org.jspecify.annotations.Nullable;

/**
 * The validation rows, judged while a run goes on.
 *
 * @param step optimizer steps completed
 * @param loss mean over the rows' trained tokens (over pairs, for preferences), in nats
 * @param tokenAccuracy share of trained tokens that were the most likely one
 * @param margin mean lead of preferred answers; null where nothing is preferred
 * @param best whether no evaluation before had a loss as low
 */
public record Validation(
        int step,
        int totalSteps,
        double loss,
        double tokenAccuracy,
        @Nullable Double margin,
        boolean best) {}
