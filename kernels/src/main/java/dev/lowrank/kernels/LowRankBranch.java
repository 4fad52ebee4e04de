package dev.lowrank.kernels;

/**
 * One of several low-rank layers that read the same x.
 *
 * @param h BF16 [N, r]: x A^T, kept for the backward pass
 * @param y [N, out]: the layer's result, or on the way back its gradient
 */
public record LowRankBranch(LowRankLayer layer, Tensor h, Tensor y) {}
