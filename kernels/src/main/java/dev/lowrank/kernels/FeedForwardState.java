package dev.lowrank.kernels;

/**
 * What a feed-forward's backward pass needs of the forward pass, all BF16.
 *
 * @param gate the gate's result [N, F], in an order of the kernels' own; {@code up} likewise
 * @param gateH the gate's input times A^T [N, r]; {@code upH} and {@code downH} likewise
 */
public record FeedForwardState(Tensor gate, Tensor up, Tensor gateH, Tensor upH, Tensor downH) {}
