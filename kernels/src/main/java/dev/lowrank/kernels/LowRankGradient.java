package dev.lowrank.kernels;

import org.jspecify.annotations.Nullable;

/**
 * The gradients of a low-rank update, F32, to be added to; null where one is not wanted.
 *
 * @param a [r, in]
 * @param b [out, r]
 */
public record LowRankGradient(@Nullable Tensor a, @Nullable Tensor b) {}
