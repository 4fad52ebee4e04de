package dev.lowrank.platform.console;

import dev.lowrank.db.job.JobHistory.Attempt;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;

/** An attempt as the page shows it, at a moment. */
record AttemptView(Attempt attempt, Instant now) {
    public String state() {
        return Objects.requireNonNullElse(attempt.outcome(), "running");
    }

    public String from() {
        return attempt.fromStep() == 0 ? "the start" : "step " + Words.count(attempt.fromStep());
    }

    public String took() {
        return Words.duration(
                Duration.between(attempt.startedAt(), Objects.requireNonNullElse(attempt.endedAt(), now)));
    }

    public String started() {
        return Words.moment(attempt.startedAt());
    }

    public String reason() {
        return Objects.requireNonNullElse(attempt.reason(), "");
    }
}
