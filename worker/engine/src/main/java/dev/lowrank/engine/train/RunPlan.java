package dev.lowrank.engine.train;

import org.jspecify.annotations.Nullable;

/**
 * What a run will do, known before its first step.
 *
 * @param totalSteps optimizer steps
 * @param stepsPerEpoch of the first epoch; packed epochs may differ
 * @param examples rows of the training file
 * @param trainedTokens tokens of one epoch that carry loss
 * @param truncatedRows rows cut off at the maximum length
 * @param trainableParameters values the optimizer moves
 * @param baseParameters values of the base
 * @param packing null where rows are not packed
 * @param arithmetic what it computes in
 * @param memory what it takes, and whether activations are kept
 */
public record RunPlan(
        int totalSteps,
        int stepsPerEpoch,
        int examples,
        long trainedTokens,
        int truncatedRows,
        long trainableParameters,
        long baseParameters,
        @Nullable Packing packing,
        Arithmetic arithmetic,
        MemoryPlan memory) {}
