package dev.lowrank.local.demo;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How far a job is.
 *
 * @param step optimizer steps done
 * @param totalSteps of the whole job, or 0 while nobody knows
 * @param losses training loss of each step so far
 * @param tokensPerSecond trained tokens, or null before the first step
 * @param secondsLeft of training, or null while it cannot be told
 */
record Progress(
        int step,
        int totalSteps,
        List<Double> losses,
        @Nullable Double tokensPerSecond,
        @Nullable Double secondsLeft) {
    Progress {
        losses = List.copyOf(losses);
    }

    double share() {
        return totalSteps == 0 ? 0 : Math.min(1, (double) step / totalSteps);
    }
}
