package dev.lowrank.node;

import dev.lowrank.db.queue.AdapterName;
import dev.lowrank.db.queue.Assignment;
import java.security.SecureRandom;
import java.util.Objects;

/** How a job's result is called. */
final class ResultNames {
    private static final String ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz";
    private static final int RANDOM_LETTERS = 8;
    private static final SecureRandom RANDOM = new SecureRandom();

    private ResultNames() {}

    /** {@code ft:base:organization:suffix:8 letters}, with an empty suffix where none was given. */
    static String model(Assignment assignment) {
        StringBuilder letters = new StringBuilder();
        RANDOM.ints(RANDOM_LETTERS, 0, ALPHABET.length()).forEach(i -> letters.append(ALPHABET.charAt(i)));
        return "ft:%s:%s:%s:%s"
                .formatted(
                        assignment.model(),
                        withoutPrefix(assignment.organizationId()),
                        Objects.requireNonNullElse(assignment.suffix(), ""),
                        letters);
    }

    /** The suffix, or else the base and the job. */
    static String adapter(Assignment assignment) {
        String suffix = assignment.suffix();
        return suffix != null
                ? AdapterName.of(suffix)
                : AdapterName.of(assignment.model() + "-" + withoutPrefix(assignment.jobId()));
    }

    private static String withoutPrefix(String id) {
        return id.substring(id.indexOf('-') + 1);
    }
}
