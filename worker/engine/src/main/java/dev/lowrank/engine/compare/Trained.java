package dev.lowrank.engine.compare;

import org.jspecify.annotations.Nullable;

/**
 * What training a variant took.
 *
 * @param identity digest of everything it depends on
 * @param checkpointBytes of the safetensors files that hold the result
 * @param seconds of the optimizer steps, without loading and writing
 * @param tokensPerSecond median over the steps; all tokens that went through the model
 * @param peakBytes most resident memory of the training process, the JVM included; null where the system does not say
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
        double tokensPerSecond,
        @Nullable Long peakBytes,
        double lastLoss) {}
