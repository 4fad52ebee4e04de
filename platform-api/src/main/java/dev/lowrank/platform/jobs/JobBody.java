package dev.lowrank.platform.jobs;

import dev.lowrank.db.job.Job;
import dev.lowrank.db.registry.AdapterVersion;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A job as the clients read it; {@code lowrank} holds what is ours. */
record JobBody(
        String object,
        String id,
        long createdAt,
        @Nullable Long finishedAt,
        @Nullable Long estimatedFinish,
        String model,
        @Nullable String fineTunedModel,
        String organizationId,
        String status,
        String trainingFile,
        @Nullable String validationFile,
        List<String> resultFiles,
        int seed,
        @Nullable Long trainedTokens,
        JsonNode hyperparameters,
        JsonNode method,
        List<JsonNode> integrations,
        @Nullable JsonNode metadata,
        @Nullable String userProvidedSuffix,
        @Nullable Failure error,
        ObjectNode lowrank) {
    private static final JsonMapper MAPPER = JsonMapper.shared();

    /** Why a job failed. */
    record Failure(String code, String message, @Nullable String param) {}

    static JobBody of(Job job, Optional<AdapterVersion> version) {
        JsonNode method = MAPPER.readTree(job.method());
        return new JobBody(
                "fine_tuning.job",
                job.id(),
                job.createdAt().getEpochSecond(),
                seconds(job.finishedAt()),
                seconds(job.estimatedFinish()),
                job.model(),
                job.fineTunedModel(),
                job.organizationId(),
                job.status(),
                job.trainingFile(),
                job.validationFile(),
                job.resultFile() == null ? List.of() : List.of(job.resultFile()),
                job.seed(),
                job.trainedTokens(),
                method.path("supervised").path("hyperparameters"),
                method,
                List.of(),
                job.metadata() == null ? null : MAPPER.readTree(job.metadata()),
                job.suffix(),
                failure(job),
                lowrank(job, version));
    }

    private static @Nullable Failure failure(Job job) {
        String code = job.errorCode();
        String message = job.errorMessage();
        return code == null || message == null ? null : new Failure(code, message, job.errorParam());
    }

    private static ObjectNode lowrank(Job job, Optional<AdapterVersion> version) {
        JsonNode spec = MAPPER.readTree(job.spec());
        ObjectNode lowrank = MAPPER.createObjectNode();
        for (String section : List.of("method", "format", "quantization", "adapter", "training")) {
            // Full fine-tuning has no adapter, and jobs of an older version no quantization.
            if (spec.has(section)) {
                lowrank.set(section, spec.get(section));
            }
        }
        lowrank.set("resolutions", MAPPER.readTree(job.resolutions()));
        ObjectNode progress = lowrank.putObject("progress");
        progress.put("phase", job.phase());
        progress.put("step", job.step());
        progress.put("total_steps", job.totalSteps());
        progress.put("attempts", job.attempts());
        progress.put("worker", job.worker());
        progress.put("cancel_requested", job.cancelRequestedAt() != null);
        version.ifPresent(made -> lowrank.putObject("adapter_version")
                .put("name", made.adapter())
                .put("version", made.number())
                .put("sha256", made.sha256()));
        return lowrank;
    }

    private static @Nullable Long seconds(@Nullable Instant time) {
        return time == null ? null : time.getEpochSecond();
    }
}
