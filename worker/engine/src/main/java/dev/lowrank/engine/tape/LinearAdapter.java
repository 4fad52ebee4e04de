package dev.lowrank.engine.tape;

/** What an adapter does at one linear layer. */
public sealed interface LinearAdapter permits LowRank, Rescaling {}
