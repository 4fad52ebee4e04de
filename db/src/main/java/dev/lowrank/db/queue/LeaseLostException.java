package dev.lowrank.db.queue;

/** The database refused a write: the attempt it was made for has ended. Whoever gets this must stop working on the job. */
public final class LeaseLostException extends RuntimeException {
    private static final long serialVersionUID = 1;

    LeaseLostException(Lease lease) {
        super("The lease of %s is no longer held.".formatted(lease));
    }
}
