package dev.lowrank.db.queue;

/**
 * The right to write about one job, until it ends or is taken back. The token only rises, over all jobs; each write
 * carries it, and the database refuses one that is not the job's newest.
 *
 * @param attempt 1 for the job's first
 * @param fromStep step of the newest checkpoint when the attempt began, 0 if there was none
 */
public record Lease(String jobId, long token, String workerId, int attempt, int fromStep) {
    @Override
    public String toString() {
        return "%s attempt %d (lease %d)".formatted(jobId, attempt, token);
    }
}
