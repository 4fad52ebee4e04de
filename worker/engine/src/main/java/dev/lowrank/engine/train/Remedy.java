package dev.lowrank.engine.train;

/**
 * What a run would take with other settings.
 *
 * @param settings such as {@code "training.micro_batch_size": 1}
 * @param bytes in all
 * @param fits whether there is room for it
 */
public record Remedy(String settings, long bytes, boolean fits) {}
