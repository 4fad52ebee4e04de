package dev.lowrank.kernels.check;

/**
 * How long an operation takes.
 *
 * @param seconds the median
 * @param bytes that it must read and write at least, or 0 where products decide
 * @param flops of its products, or 0 where memory decides
 * @param share of what the device reaches at best: in copying, or in a large product
 */
public record Timing(String operation, double seconds, double bytes, double flops, double share) {}
