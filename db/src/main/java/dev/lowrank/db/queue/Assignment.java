package dev.lowrank.db.queue;

import org.jspecify.annotations.Nullable;

/**
 * What a claimed job is to do.
 *
 * @param spec the training spec as JSON; its paths are names and file ids
 * @param base null if no base of the job's model name is registered (any more)
 * @param validationSha256 null if nothing is held out
 */
public record Assignment(
        String jobId,
        String projectId,
        String organizationId,
        String model,
        @Nullable String suffix,
        String spec,
        @Nullable Base base,
        String trainingFile,
        String trainingSha256,
        @Nullable String validationFile,
        @Nullable String validationSha256) {
    /**
     * The base to train.
     *
     * @param path folder on the workers' machine
     * @param sha256 digest it was registered with
     */
    public record Base(String name, String path, String sha256) {}
}
