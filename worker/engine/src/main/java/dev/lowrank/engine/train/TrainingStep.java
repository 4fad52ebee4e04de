package dev.lowrank.engine.train;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.engine.spec.TrainingSettings;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One optimizer step: the gradients of a window of micro-batches, then the update. */
final class TrainingStep {
    private final TrainingSettings settings;
    private final Objective objective;
    private final Optimizer optimizer;
    private final GradientWatch watch;

    TrainingStep(TrainingSettings settings, Objective objective, Optimizer optimizer, GradientWatch watch) {
        this.settings = settings;
        this.objective = objective;
        this.optimizer = optimizer;
        this.watch = watch;
    }

    /**
     * Takes a step. A window without a single trained token moves nothing and is marked as skipped.
     *
     * @param step counted from 0
     * @param window the rows of each micro-batch
     * @return null if it was asked to stop before the step was complete
     * @throws TrainingFailure if the loss or a gradient stops being a number, or the run blows up
     */
    @Nullable
    StepMetrics run(int step, int total, List<int[]> window, RunControl control) {
        long began = System.nanoTime();
        double rate = settings.schedule().rate(settings.learningRate(), step, total, settings.warmupSteps());
        long weight = window.stream().mapToLong(objective::weight).sum();
        if (weight == 0) {
            return StepMetrics.skipped(step + 1, total, rate, StepMetrics.ALL_MASKED);
        }
        optimizer.zeroGradients();
        LossParts sum = null;
        long tokens = 0;
        for (int micro = 0; micro < window.size(); micro++) {
            if (control.stopRequested()) {
                return null;
            }
            int[] rows = window.get(micro);
            tokens += Arrays.stream(rows).map(objective::tokens).sum();
            sum = objective
                    .forwardBackward(rows, 1.0 / weight, CounterRandom.key(settings.seed(), step, micro))
                    .plus(sum);
        }
        LossParts parts = Objects.requireNonNull(sum);
        double loss = parts.loss() / weight;
        double norm = optimizer.clip();
        requireFinite(step, loss, norm);
        watch.check(step + 1, loss, norm);
        optimizer.update(step + 1, rate);
        double seconds = (System.nanoTime() - began) / 1e9;
        return new StepMetrics(
                step + 1,
                total,
                loss,
                norm,
                rate,
                parts.trained(),
                tokens / seconds,
                (double) parts.correct() / parts.trained(),
                parts.margin() == null ? null : parts.margin() / weight);
    }

    private static void requireFinite(int step, double loss, double norm) {
        if (!Double.isFinite(loss)) {
            throw new TrainingFailure(
                    "loss_not_finite",
                    "The loss is not a number at step %d; lower \"training.learning_rate\" or check the base's weights."
                            .formatted(step + 1));
        }
        if (!Double.isFinite(norm)) {
            throw new TrainingFailure(
                    "gradient_not_finite",
                    "The gradient is not finite at step %d (loss %.4f); lower \"training.learning_rate\"."
                            .formatted(step + 1, loss));
        }
    }
}
