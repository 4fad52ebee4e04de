package dev.lowrank.engine.bench;

import dev.lowrank.engine.spec.ComputeType;
import dev.lowrank.engine.train.StepMetrics;
import java.util.List;

/**
 * What was measured.
 *
 * @param compute what it computed in
 * @param device what it ran on, for people
 * @param checkpointed whether blocks were computed again on the way back
 * @param seconds of each measured step
 * @param steps the figures of each measured step
 * @param baseMemory the process's bytes before there was a model; 0 where that is not known
 * @param plannedMemory the bytes that the plan said it would hold at most
 * @param peakMemory the most bytes it held; 0 where that is not known
 * @param products floating-point operations that a step needs in matrix products
 * @param peakFlops the most a second that the device reaches in a large product
 * @param profile where the time went; empty where that was not asked for
 */
public record BenchResult(
        BenchOptions options,
        ComputeType compute,
        String device,
        long parameters,
        long trainableParameters,
        boolean checkpointed,
        List<Double> seconds,
        List<StepMetrics> steps,
        long baseMemory,
        long plannedMemory,
        long peakMemory,
        double products,
        double peakFlops,
        List<Profile.Line> profile) {
    double medianSeconds() {
        double[] sorted =
                seconds.stream().mapToDouble(Double::doubleValue).sorted().toArray();
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    double tokensPerSecond() {
        return rate(medianSeconds());
    }

    double slowest() {
        return rate(seconds.stream().mapToDouble(Double::doubleValue).max().orElseThrow());
    }

    double fastest() {
        return rate(seconds.stream().mapToDouble(Double::doubleValue).min().orElseThrow());
    }

    private double rate(double seconds) {
        return (double) options.batch() * options.length() / seconds;
    }

    /** Of the step's products, over all of its time. */
    double flops() {
        return products / medianSeconds();
    }

    double shareOfPeak() {
        return flops() / peakFlops;
    }

    StepMetrics last() {
        return steps.getLast();
    }
}
