package dev.lowrank.engine.train;

import dev.lowrank.engine.data.BatchOrder;
import dev.lowrank.engine.spec.TrainingSettings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which rows go through the model in which optimizer step. A function of the settings and the number of rows alone, so
 * the position of a run is one number: the steps it has completed.
 *
 * <p>Every epoch is cut into micro-batches, the last of which may be short; the micro-batches of all epochs, one after
 * another, are cut into windows of {@code gradient_accumulation}, and each window is one step.
 */
final class BatchPlan {
    private final int rows;
    private final TrainingSettings settings;
    private final BatchOrder order;
    private int cachedEpoch = -1;
    private int @Nullable [] cachedOrder;

    BatchPlan(int rows, TrainingSettings settings) {
        this.rows = rows;
        this.settings = settings;
        this.order = new BatchOrder(rows, settings.shuffle(), settings.seed());
    }

    int microBatchesPerEpoch() {
        return Math.ceilDiv(rows, settings.microBatchSize());
    }

    int stepsPerEpoch() {
        return Math.ceilDiv(microBatchesPerEpoch(), settings.gradientAccumulation());
    }

    int totalSteps() {
        long steps = Math.ceilDiv(microBatches(), settings.gradientAccumulation());
        Integer most = settings.maxSteps();
        return Math.toIntExact(most == null ? steps : Math.min(most, steps));
    }

    private long microBatches() {
        return (long) settings.epochs() * microBatchesPerEpoch();
    }

    /** The micro-batches of a step (counted from 0), each a list of row numbers. */
    List<int[]> window(int step) {
        List<int[]> window = new ArrayList<>();
        long first = (long) step * settings.gradientAccumulation();
        long end = Math.min(first + settings.gradientAccumulation(), microBatches());
        for (long micro = first; micro < end; micro++) {
            int[] epoch = order((int) (micro / microBatchesPerEpoch()));
            int from = (int) (micro % microBatchesPerEpoch()) * settings.microBatchSize();
            window.add(Arrays.copyOfRange(epoch, from, Math.min(from + settings.microBatchSize(), rows)));
        }
        return window;
    }

    private int[] order(int epoch) {
        int[] present = cachedOrder;
        if (present == null || cachedEpoch != epoch) {
            present = order.epoch(epoch);
            cachedOrder = present;
            cachedEpoch = epoch;
        }
        return present;
    }
}
