package dev.lowrank.node;

import dev.lowrank.db.queue.Failure;
import dev.lowrank.engine.InputException;
import dev.lowrank.engine.spec.SpecException;
import dev.lowrank.engine.train.TrainingFailure;
import dev.lowrank.kernels.DeviceLostException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says in one sentence, to the job's owner, why an attempt failed, and whether trying again may help. */
final class Failures {
    private static final Logger LOG = LoggerFactory.getLogger(Failures.class);

    private Failures() {}

    /**
     * A failure, judged.
     *
     * @param mayPass true if another attempt may get through
     */
    record Judged(Failure failure, boolean mayPass) {}

    /** @param folder the attempt's folder, whose path means nothing to the owner and is left out */
    static Judged judge(Throwable thrown, Path folder) {
        return switch (thrown) {
            case JobFailure e -> new Judged(e.failure(), e.mayPass());
            case TrainingFailure e -> lasting(e.code(), String.valueOf(e.getMessage()), null);
            case SpecException e -> lasting("invalid_spec", readable(e, folder), e.field());
            case InputException e -> input(readable(e, folder));
            case OutOfMemoryError e ->
                lasting(
                        "out_of_memory",
                        "The job needs more memory than the worker has: lower training.micro_batch_size or"
                                + " training.max_length, or give the worker more memory.",
                        null);
            case DeviceLostException e -> deviceLost(e);
            default -> isDiskFull(thrown) ? diskFull() : unexpected(thrown);
        };
    }

    private static Judged lasting(String code, String message, @Nullable String param) {
        return new Judged(new Failure(code, message, param), false);
    }

    /** Which of the things given it is about stands in the message, by the names they have in the attempt's folder. */
    private static Judged input(String message) {
        if (message.contains(Inputs.TRAINING_FILE)) {
            return lasting("invalid_training_file", message, "training_file");
        }
        if (message.contains(Inputs.VALIDATION_FILE)) {
            return lasting("invalid_validation_file", message, "validation_file");
        }
        return lasting("invalid_input", message, null);
    }

    private static Judged deviceLost(DeviceLostException thrown) {
        LOG.error("The device is lost: {}", thrown.getMessage());
        return new Judged(
                new Failure(
                        "device_lost",
                        "The GPU failed while the job ran on it; the job goes on from its last checkpoint elsewhere.",
                        null),
                true);
    }

    private static Judged diskFull() {
        return new Judged(
                new Failure(
                        "disk_full",
                        "The worker's disk is full, so the job could not go on; its last checkpoint is kept."
                                + " Free space in the data folder and submit the job again.",
                        null),
                true);
    }

    private static Judged unexpected(Throwable thrown) {
        String reference = UUID.randomUUID().toString().substring(0, 8);
        LOG.error("Internal error, reference {}", reference, thrown);
        return new Judged(
                new Failure(
                        "internal_error",
                        "Something went wrong inside the worker (reference %s): its log has the details."
                                .formatted(reference),
                        null),
                true);
    }

    private static String readable(Throwable thrown, Path folder) {
        return String.valueOf(thrown.getMessage()).replace(folder + "/", "");
    }

    private static boolean isDiskFull(Throwable thrown) {
        for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
            if (cause instanceof IOException
                    && String.valueOf(cause.getMessage()).contains("No space left on device")) {
                return true;
            }
        }
        return false;
    }
}
