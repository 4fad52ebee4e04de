package dev.lowrank.engine.tape;

import org.jspecify.annotations.Nullable;

/**
 * The factors of a LoRA update {@code W + scale * B A}.
 *
 * @param a [r, in]
 * @param b [out, r]
 * @param scale alpha / r, or alpha / sqrt(r) for rsLoRA
 * @param dropout share of inputs of A that are dropped while training
 * @param site a number of its own for each adapted layer, so that no two drop the same inputs
 * @param magnitude [out] for DoRA, the length every row of the updated weight is given; null for plain LoRA
 */
public record LowRank(
        Parameter a,
        Parameter b,
        float scale,
        float dropout,
        int site,
        @Nullable Parameter magnitude) implements LinearAdapter {}
