package dev.lowrank.node;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * How long this worker may believe that it still holds its lease. Counted on the monotonic clock from before the
 * renewal was sent, and only for two thirds of the lease: when others may take the job, this worker has been silent for
 * a third of it.
 */
final class Trust {
    private final LongSupplier nanoTime;
    private final long window;
    private volatile long renewedAt;

    Trust(Duration lease, LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.window = lease.toNanos() / 3 * 2;
        this.renewedAt = nanoTime.getAsLong();
    }

    long now() {
        return nanoTime.getAsLong();
    }

    /** @param sentAt {@link #now()} before the renewal was sent, whose success has just been seen */
    void renewed(long sentAt) {
        renewedAt = sentAt;
    }

    boolean holds() {
        return now() - renewedAt < window;
    }
}
