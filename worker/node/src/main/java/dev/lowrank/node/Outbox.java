package dev.lowrank.node;

import dev.lowrank.db.queue.JobReports;
import dev.lowrank.db.queue.Lease;
import dev.lowrank.db.queue.Metric;
import dev.lowrank.db.queue.Progress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What an attempt wants to write, in memory until the database took it: training never waits for the database. Bounded:
 * in an outage of days the oldest figures go first, checkpoints never.
 */
final class Outbox {
    static final int MOST_METRICS = 100_000;
    private static final int MOST_WRITES = 10_000;
    private static final int BATCH = 500;

    private final Deque<Metric> metrics = new ArrayDeque<>();
    private final Deque<Write> writes = new ArrayDeque<>();
    private @Nullable Progress progress;
    private long dropped;

    /** One write to the database; it is tried again until it succeeds. */
    interface Write {
        void to(JobReports reports, Lease lease);
    }

    synchronized void metric(Metric metric) {
        if (metrics.size() == MOST_METRICS) {
            metrics.removeFirst();
            dropped++;
        }
        metrics.addLast(metric);
    }

    /** Only the newest counts. */
    synchronized void progress(Progress newest) {
        progress = newest;
    }

    synchronized void write(Write write) {
        writes.addLast(write);
    }

    /** Like {@link #write}, but left out when very much is waiting already. */
    synchronized void writeIfRoom(Write write) {
        if (writes.size() < MOST_WRITES) {
            writes.addLast(write);
        }
    }

    synchronized boolean isEmpty() {
        return metrics.isEmpty() && writes.isEmpty() && progress == null;
    }

    /** Steps whose figures wait. */
    synchronized int waiting() {
        return metrics.size();
    }

    /** Steps whose figures are lost for good. */
    synchronized long dropped() {
        return dropped;
    }

    /**
     * Writes everything, and forgets each part only after the database has it. Called by one thread.
     *
     * @return whether the database said that a cancellation was asked for
     */
    boolean flush(JobReports reports, Lease lease) {
        for (List<Metric> batch = nextMetrics(); !batch.isEmpty(); batch = nextMetrics()) {
            reports.metrics(lease, batch);
            forget(batch);
        }
        boolean cancelAsked = flushProgress(reports, lease);
        for (Write write = nextWrite(); write != null; write = nextWrite()) {
            write.to(reports, lease);
            forget(write);
        }
        return cancelAsked;
    }

    private boolean flushProgress(JobReports reports, Lease lease) {
        Progress newest;
        synchronized (this) {
            newest = progress;
        }
        if (newest == null) {
            return false;
        }
        boolean cancelAsked = reports.progress(lease, newest);
        synchronized (this) {
            progress = progress == newest ? null : progress;
        }
        return cancelAsked;
    }

    private synchronized List<Metric> nextMetrics() {
        List<Metric> batch = new ArrayList<>(Math.min(BATCH, metrics.size()));
        for (Metric metric : metrics) {
            if (batch.size() == BATCH) {
                break;
            }
            batch.add(metric);
        }
        return batch;
    }

    private synchronized void forget(List<Metric> written) {
        // Some of them may have been dropped meanwhile.
        int last = written.getLast().step();
        while (!metrics.isEmpty() && metrics.getFirst().step() <= last) {
            metrics.removeFirst();
        }
    }

    private synchronized @Nullable Write nextWrite() {
        return writes.peekFirst();
    }

    private synchronized void forget(Write written) {
        writes.remove(written);
    }
}
