package dev.lowrank.platform.console;

import dev.lowrank.db.job.Job;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A job as the pages show it, at a moment. Templates call only what is public. */
record JobView(Job job, Instant now) {
    public String id() {
        return job.id();
    }

    /** The status, or "cancelling" while a worker has yet to obey; also the name of the badge's style. */
    public String state() {
        return job.open() && job.cancelRequestedAt() != null ? "cancelling" : job.status();
    }

    public String stateWords() {
        return state().replace('_', ' ');
    }

    /** What its worker does now; nothing while no worker has it. */
    public String phase() {
        return !"running".equals(job.status())
                ? ""
                : switch (Objects.requireNonNullElse(job.phase(), "")) {
                    case "prepare" -> "preparing";
                    case "train" -> "training";
                    case "evaluate" -> "measuring held-out rows";
                    case "verify" -> "verifying the result";
                    case "register" -> "registering";
                    default -> "starting";
                };
    }

    public boolean open() {
        return job.open();
    }

    public boolean canBeCancelled() {
        return job.open() && job.cancelRequestedAt() == null;
    }

    public String title() {
        return job.suffix() == null ? job.model() : job.suffix();
    }

    public boolean hasSteps() {
        return job.totalSteps() != null;
    }

    public int percent() {
        Integer total = job.totalSteps();
        return total == null || total == 0 ? 0 : (int) (100L * job.step() / total);
    }

    public String steps() {
        Integer total = job.totalSteps();
        return total == null ? Words.NONE : Words.count(job.step()) + " / " + Words.count(total);
    }

    public String loss() {
        return Words.loss(job.lossNow());
    }

    public String age() {
        return Words.age(Duration.between(job.createdAt(), now));
    }

    public String created() {
        return Words.moment(job.createdAt());
    }

    public String worker() {
        return Words.orNone(job.worker());
    }

    public String tokens() {
        Long tokens = job.trainedTokens();
        return tokens == null ? Words.NONE : Words.count(tokens);
    }

    public String timeLeft() {
        Instant finish = job.estimatedFinish();
        if (!"running".equals(job.status()) || finish == null) {
            return Words.NONE;
        }
        return "about " + Words.duration(Duration.between(now, finish));
    }

    /** Since its first worker began, until it ended. */
    public String runtime() {
        Instant start = job.startedAt();
        return start == null
                ? Words.NONE
                : Words.duration(Duration.between(start, Objects.requireNonNullElse(job.finishedAt(), now)));
    }

    @Nullable
    public String errorMessage() {
        return job.errorMessage();
    }

    /** The texts that change while it runs, by the names that the page's places carry. */
    Map<String, String> texts() {
        return Map.of(
                "steps", steps(), "loss", loss(), "timeLeft", timeLeft(), "runtime", runtime(), "tokens", tokens());
    }

    /** Differs whenever something has changed that is more than a figure. */
    String shape(@Nullable String newestCheckpoint) {
        return String.join(
                "|",
                state(),
                phase(),
                String.valueOf(job.attempts()),
                String.valueOf(hasSteps()),
                Objects.requireNonNullElse(newestCheckpoint, ""));
    }
}
