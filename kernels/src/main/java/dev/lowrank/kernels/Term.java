package dev.lowrank.kernels;

/**
 * A product of two thin matrices that is added to another product: {@code scale * left * op(right)}.
 *
 * @param left [M, r]
 * @param right F32 [r, N], or [N, r] if transposed
 */
public record Term(Tensor left, Tensor right, boolean transposed, float scale) {}
