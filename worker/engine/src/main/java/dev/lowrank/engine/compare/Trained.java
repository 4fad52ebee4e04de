package dev.lowrank.engine.compare;

import org.jspecify.annotations.Nullable;

/**
 * What training a variant took.
 *
 * @param identity digest of everything it depends on
 * @param checkpointBytes of the safetensors files that hold the result
 * @param seconds of the optimizer steps, without loading and writing
 * @param cpuSeconds of all threads in that time, which other programs on the machine change little; null where the system
 *     does not say
 * @param tokensPerSecond median over the steps; all tokens that went through the model
 * @param startBytes resident memory of the training process before the base is loaded; null where the system does not say
 * @param peakBytes the most it had until the last step, the JVM included; null likewise
 */
record Trained(
        String identity,
        String device,
        int steps,
        int rows,
        long trainableParameters,
        long baseParameters,
        long checkpointBytes,
        double seconds,
        @Nullable Double cpuSeconds,
        double tokensPerSecond,
        @Nullable Long startBytes,
        @Nullable Long peakBytes,
        double lastLoss) {}
