package dev.lowrank.engine.tape;

/**
 * A linear layer that LoRA is on, its bias left aside.
 *
 * @param weight [out, in], or [in, out] if transposed
 */
public record AdaptedLinear(Matrix weight, boolean transposed, LowRank lowRank) {}
