package dev.lowrank.engine.family;

/**
 * The normalisations.
 *
 * @param layer LayerNorm with mean and bias; else RMSNorm
 * @param offset what is added to RMSNorm's weight (Gemma stores weight - 1)
 */
public record NormPlan(boolean layer, float epsilon, float offset) {}
