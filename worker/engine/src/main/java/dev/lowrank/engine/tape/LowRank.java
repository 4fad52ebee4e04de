package dev.lowrank.engine.tape;

/**
 * The factors of a LoRA update {@code W + scale * B A}.
 *
 * @param a [r, in]
 * @param b [out, r]
 * @param scale alpha / r
 * @param dropout share of inputs of A that are dropped while training
 * @param site a number of its own for each adapted layer, so that no two drop the same inputs
 */
public record LowRank(Parameter a, Parameter b, float scale, float dropout, int site) {}
