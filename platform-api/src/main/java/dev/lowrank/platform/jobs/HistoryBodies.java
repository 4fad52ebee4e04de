package dev.lowrank.platform.jobs;

import dev.lowrank.db.job.Job;
import dev.lowrank.db.job.JobHistory.Event;
import dev.lowrank.db.job.JobHistory.SavedCheckpoint;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What happened to a job, as the clients read it. */
final class HistoryBodies {
    private static final JsonMapper MAPPER = JsonMapper.shared();

    private HistoryBodies() {}

    /** A line of the job's story. */
    record EventBody(
            String object,
            String id,
            long createdAt,
            String level,
            String message,
            String type,
            @Nullable JsonNode data) {
        static EventBody of(Event event) {
            return new EventBody(
                    "fine_tuning.job.event",
                    event.id(),
                    event.createdAt().getEpochSecond(),
                    event.level(),
                    event.message(),
                    event.type(),
                    event.data() == null ? null : MAPPER.readTree(event.data()));
        }
    }

    /** A checkpoint that is kept. */
    record CheckpointBody(
            String object,
            String id,
            long createdAt,
            String fineTuningJobId,
            String fineTunedModelCheckpoint,
            int stepNumber,
            JsonNode metrics) {
        static CheckpointBody of(Job job, SavedCheckpoint checkpoint) {
            String model = job.fineTunedModel() != null
                    ? job.fineTunedModel()
                    : "ft:%s:%s:%s:%s"
                            .formatted(
                                    job.model(),
                                    job.organizationId(),
                                    job.suffix() == null ? "" : job.suffix(),
                                    job.id().substring(job.id().length() - 8));
            return new CheckpointBody(
                    "fine_tuning.job.checkpoint",
                    checkpoint.id(),
                    checkpoint.createdAt().getEpochSecond(),
                    job.id(),
                    "%s:ckpt-step-%d".formatted(model, checkpoint.step()),
                    checkpoint.step(),
                    MAPPER.readTree(checkpoint.metrics()));
        }
    }
}
