package dev.lowrank.platform.console;

import dev.lowrank.db.job.JobHistory.Attempt;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;

/** An attempt as the page shows it, at a moment. */
record AttemptView(Attempt attempt, Instant now) {
    String state() {
        return Objects.requireNonNullElse(attempt.outcome(), "running");
    }

    String from() {
        return attempt.fromStep() == 0 ? "the start" : "step " + Words.count(attempt.fromStep());
    }

    String took() {
        return Words.duration(
                Duration.between(attempt.startedAt(), Objects.requireNonNullElse(attempt.endedAt(), now)));
    }

    String started() {
        return Words.moment(attempt.startedAt());
    }

    String reason() {
        return Objects.requireNonNullElse(attempt.reason(), "");
    }
}
