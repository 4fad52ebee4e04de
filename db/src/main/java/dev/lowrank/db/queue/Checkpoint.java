package dev.lowrank.db.queue;

/**
 * A checkpoint on the workers' disk.
 *
 * @param directory relative to the data folder that all workers share
 * @param metrics JSON object with the figures of its step
 */
public record Checkpoint(int step, String directory, String manifestSha256, long bytes, String metrics) {}
