package dev.lowrank.node;

import dev.lowrank.db.queue.Failure;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The worker itself found out why a job cannot go on. */
final class JobFailure extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final transient Failure failure;
    private final boolean mayPass;

    private JobFailure(Failure failure, boolean mayPass) {
        super(failure.message());
        this.failure = failure;
        this.mayPass = mayPass;
    }

    static JobFailure lasting(String code, String message, @Nullable String param) {
        return new JobFailure(new Failure(code, message, param), false);
    }

    static JobFailure passing(String code, String message, @Nullable String param) {
        return new JobFailure(new Failure(code, message, param), true);
    }

    Failure failure() {
        return Objects.requireNonNull(failure);
    }

    boolean mayPass() {
        return mayPass;
    }
}
