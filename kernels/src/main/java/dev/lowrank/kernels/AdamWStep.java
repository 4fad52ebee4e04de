package dev.lowrank.kernels;

/**
 * Settings of one AdamW update (decoupled decay applied first, as PyTorch does).
 *
 * @param step 1 for the first update; it drives the bias correction
 */
public record AdamWStep(
        int step, double learningRate, double beta1, double beta2, double epsilon, double weightDecay) {}
