package dev.lowrank.engine.train;

/**
 * How full the packs of the first epoch are.
 *
 * @param packs sequences that the rows were put together into
 * @param capacity most tokens of a pack
 * @param fill share of the packs' room that holds tokens
 */
public record Packing(int packs, int capacity, double fill) {}
