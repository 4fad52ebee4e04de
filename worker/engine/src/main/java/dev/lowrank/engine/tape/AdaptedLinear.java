package dev.lowrank.engine.tape;

/**
 * A linear layer without bias that LoRA is on, and nothing else.
 *
 * @param weight [out, in], or [in, out] if transposed
 */
public record AdaptedLinear(Matrix weight, boolean transposed, LowRank lowRank) {}
