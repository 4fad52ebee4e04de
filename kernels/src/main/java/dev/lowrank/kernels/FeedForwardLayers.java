package dev.lowrank.kernels;

/**
 * A gated feed-forward of frozen layers with low-rank updates: {@code down(f(gate(x)) * up(x))}, f being the activation.
 *
 * @param gate from C to F; {@code up} likewise
 * @param down from F to C
 */
public record FeedForwardLayers(Activation activation, LowRankLayer gate, LowRankLayer up, LowRankLayer down) {}
