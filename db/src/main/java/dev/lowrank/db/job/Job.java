package dev.lowrank.db.job;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A fine-tuning job as it stands. Texts named after JSON hold JSON.
 *
 * @param phase what its worker does now; null while no worker has it
 * @param worker the worker that has it, or had it last; null if none ever had
 * @param requestSha256 digest of who asked for what
 * @param lossNow loss of its newest step, in nats
 */
public record Job(
        String id,
        String projectId,
        String organizationId,
        String status,
        String model,
        @Nullable String suffix,
        String trainingFile,
        @Nullable String validationFile,
        int seed,
        String method,
        String spec,
        String resolutions,
        @Nullable String metadata,
        @Nullable String integrations,
        Instant createdAt,
        @Nullable Instant startedAt,
        @Nullable Instant finishedAt,
        @Nullable Instant cancelRequestedAt,
        int attempts,
        @Nullable String phase,
        int step,
        @Nullable Integer totalSteps,
        @Nullable Instant estimatedFinish,
        @Nullable Long trainedTokens,
        @Nullable String fineTunedModel,
        @Nullable String resultFile,
        @Nullable String errorCode,
        @Nullable String errorMessage,
        @Nullable String errorParam,
        @Nullable String worker,
        @Nullable Double lossNow,
        @Nullable String requestSha256) {
    /** Whether it can still change. */
    public boolean open() {
        return finishedAt == null;
    }
}
