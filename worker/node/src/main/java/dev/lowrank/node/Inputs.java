package dev.lowrank.node;

import dev.lowrank.db.blob.BlobStore;
import dev.lowrank.db.queue.Assignment;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.spec.TrainingSpec;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Puts what a job names, the base and the files, in reach as local paths. */
record Inputs(Folders folders, BlobStore blobs, Trainer trainer) {
    /** The names the files have in an attempt's folder, and so in the engine's messages. */
    static final String TRAINING_FILE = "training_file.jsonl";

    static final String VALIDATION_FILE = "validation_file.jsonl";

    /** The base's folder, which is as it was when it was registered. */
    Path base(Assignment assignment) {
        Assignment.Base base = assignment.base();
        if (base == null) {
            throw JobFailure.lasting(
                    "model_not_found",
                    "There is no base model \"%s\" any more: register it, or choose one from /v1/models."
                            .formatted(assignment.model()),
                    "model");
        }
        Path folder = folders.base(base.path());
        if (!Files.isDirectory(folder)) {
            throw JobFailure.passing(
                    "model_not_reachable",
                    "The folder of the base model \"%s\" is not on this worker: put it where it was registered."
                            .formatted(base.name()),
                    "model");
        }
        if (!trainer.baseSha256(folder).equals(base.sha256())) {
            throw JobFailure.lasting(
                    "model_changed",
                    "The files of the base model \"%s\" are not those that were registered: bring them back, or register it again."
                            .formatted(base.name()),
                    "model");
        }
        return folder;
    }

    /** The job's spec with local paths in the place of names. */
    TrainingSpec spec(Assignment assignment, Path base, Path attempt) {
        Path training = file(assignment.trainingSha256(), assignment.trainingFile(), attempt.resolve(TRAINING_FILE));
        String validation = validation(assignment, attempt);
        TrainingSpec spec = SpecJson.parse(assignment.spec()).spec();
        return spec.at(
                base.toString(),
                training.toString(),
                validation,
                Attempt.output(attempt).toString());
    }

    private @Nullable String validation(Assignment assignment, Path attempt) {
        String sha256 = assignment.validationSha256();
        String id = assignment.validationFile();
        return sha256 == null || id == null
                ? null
                : file(sha256, id, attempt.resolve(VALIDATION_FILE)).toString();
    }

    private Path file(String sha256, String id, Path target) {
        try {
            Path blob = blobs.open(sha256);
            Files.createDirectories(target.getParent());
            Files.deleteIfExists(target);
            HardLinks.file(blob, target);
            return target;
        } catch (NoSuchFileException e) {
            throw JobFailure.passing(
                    "file_not_reachable",
                    "The content of %s is not on this worker: API and workers must share one data folder."
                            .formatted(id),
                    null);
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot bring " + id + " to " + target, e);
        }
    }
}
