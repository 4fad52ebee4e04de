package dev.lowrank.engine.family;

import dev.lowrank.kernels.Activation;

/**
 * The feed-forward of every block: {@code down(act(gate(x)) * up(x))}, or {@code down(act(up(x)))} without a gate.
 *
 * @param width F
 */
public record FeedForwardPlan(int width, Activation activation, boolean gated, boolean bias) {}
