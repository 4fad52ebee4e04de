package dev.lowrank.local.demo;

import java.net.URI;
import java.nio.file.Path;

/**
 * A job that succeeded and what came of it.
 *
 * @param link signed, and expiring
 * @param adapter the unpacked PEFT folder
 */
public record TrainedJob(
        String job, String model, int steps, double firstLoss, double lastLoss, URI link, Path adapter) {}
