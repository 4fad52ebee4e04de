package dev.lowrank.platform.jobs;

import dev.lowrank.db.access.Owner;
import dev.lowrank.db.file.Files;
import dev.lowrank.db.file.StoredFile;
import dev.lowrank.db.job.Job;
import dev.lowrank.db.job.Jobs;
import dev.lowrank.db.job.Jobs.Creation;
import dev.lowrank.db.job.NewJob;
import dev.lowrank.db.model.BaseModel;
import dev.lowrank.db.model.Models;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.platform.jobs.SpecResolver.Resolved;
import dev.lowrank.platform.web.ApiException;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import org.springframework.stereotype.Component;
import tools.jackson.databind.json.JsonMapper;

/** Checks everything that can be known before a job waits in the queue, and puts it there. */
@Component
class JobCreation {
    private static final JsonMapper MAPPER = JsonMapper.shared();

    private final Jobs jobs;
    private final Files files;
    private final Models models;

    JobCreation(Jobs jobs, Files files, Models models) {
        this.jobs = jobs;
        this.files = files;
        this.models = models;
    }

    Job create(Owner owner, JobRequest request, RepeatedRequest repeated) {
        requireBase(request.model());
        StoredFile training = requireDataset(owner, request.trainingFile(), "training_file");
        if (request.validationFile() != null) {
            requireSameFormat(training, requireDataset(owner, request.validationFile(), "validation_file"));
        }
        requireRows(training);
        Resolved resolved = new SpecResolver(
                        request, training, () -> ThreadLocalRandom.current().nextInt(1 << 30))
                .resolve();
        NewJob job = new NewJob(
                owner.projectId(),
                request.model(),
                request.suffix(),
                request.trainingFile(),
                request.validationFile(),
                resolved.spec().training().seed(),
                MAPPER.writeValueAsString(resolved.method()),
                MAPPER.writeValueAsString(SpecJson.write(resolved.spec())),
                MAPPER.writeValueAsString(resolved.resolutions()),
                request.metadata() == null ? null : MAPPER.writeValueAsString(request.metadata()),
                null,
                repeated.key(),
                repeated.sha256());
        return made(jobs.create(job, repeated.again()), job);
    }

    private static Job made(Creation creation, NewJob job) {
        return switch (creation) {
            case Creation.Made(Job made) -> made;
            case Creation.Existing(Job before)
            when Objects.equals(before.requestSha256(), job.requestSha256()) -> before;
            case Creation.Existing(Job before) ->
                throw ApiException.badRequest(
                        "This Idempotency-Key was used for another request, which made %s; take a new one."
                                .formatted(before.id()),
                        null,
                        "idempotency_key_reused");
            case Creation.FileGone(String file) ->
                throw ApiException.badRequest(
                        "File %s was deleted in the meantime; upload it again.".formatted(file),
                        file.equals(job.trainingFile()) ? "training_file" : "validation_file",
                        file.equals(job.trainingFile()) ? "invalid_training_file" : "invalid_validation_file");
        };
    }

    private void requireBase(String name) {
        if (models.base(name).isPresent()) {
            return;
        }
        if (name.startsWith("ft:")) {
            throw ApiException.badRequest(
                    "\"model\" names a fine-tuned model; this server starts from a base: %s.".formatted(bases()),
                    "model",
                    "unsupported");
        }
        throw ApiException.badRequest(
                "The model \"%s\" does not exist here; bases are: %s.".formatted(name, bases()),
                "model",
                "model_not_found");
    }

    private String bases() {
        return models.bases().stream().map(BaseModel::name).collect(Collectors.joining(", "));
    }

    private StoredFile requireDataset(Owner owner, String id, String param) {
        StoredFile file = files.find(owner.projectId(), id)
                .orElseThrow(() -> ApiException.badRequest(
                        "\"%s\" is \"%s\", but there is no such file; upload it first.".formatted(param, id),
                        param,
                        "invalid_" + param));
        if (!file.purpose().equals("fine-tune") || !file.status().equals("processed")) {
            throw ApiException.badRequest(
                    "\"%s\" is \"%s\", which is no checked dataset (purpose %s, status %s)."
                            .formatted(param, id, file.purpose(), file.status()),
                    param,
                    "invalid_" + param);
        }
        return file;
    }

    private static void requireRows(StoredFile training) {
        if (training.examples() != null && training.examples() < 1) {
            throw ApiException.badRequest(
                    "%s has no example, but training needs at least one; upload one that has.".formatted(training.id()),
                    "training_file",
                    "invalid_n_examples");
        }
    }

    private static void requireSameFormat(StoredFile training, StoredFile validation) {
        if (!Objects.equals(training.format(), validation.format())) {
            throw ApiException.badRequest(
                    "The rows of validation_file are \"%s\" and those of training_file \"%s\"; both must be the same."
                            .formatted(validation.format(), training.format()),
                    "validation_file",
                    "invalid_validation_file");
        }
    }
}
