package dev.lowrank.node;

import dev.lowrank.db.queue.Lease;
import dev.lowrank.db.queue.LeaseLostException;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

/**
 * The only one who talks to the database while an attempt runs: renews the lease, and writes what waits in the
 * {@link Outbox}, on a thread of its own. While the lease cannot be renewed it writes nothing ({@link Trust}); once the
 * database refuses, it never writes again. In an outage it goes on trying, ever less often, and training goes on.
 */
final class Reporter implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Reporter.class);
    private static final Duration TICK = Duration.ofMillis(100);
    private static final Duration DRAIN_POLL = Duration.ofMillis(5);
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(5);
    /** How long a process that was told to end waits for a database that is away. */
    private static final Duration PATIENCE_AT_SHUTDOWN = Duration.ofSeconds(10);

    private final Lease lease;
    private final QueueAccess database;
    private final NodeSettings settings;
    private final Trust trust;
    private final Outbox outbox;
    private final Thread thread;
    private final CountDownLatch closed = new CountDownLatch(1);
    private final CountDownLatch stopping = new CountDownLatch(1);
    private final Semaphore hurry = new Semaphore(0);

    private volatile Signal signal = Signal.NONE;
    private volatile @Nullable RuntimeException fault;
    private volatile boolean ending;
    private long nextRenewal;
    private int failures;

    Reporter(Lease lease, QueueAccess database, NodeSettings settings, Trust trust, Outbox outbox) {
        this.lease = lease;
        this.database = database;
        this.settings = settings;
        this.trust = trust;
        this.outbox = outbox;
        this.nextRenewal = trust.now();
        Map<String, String> context = MDC.getCopyOfContextMap();
        this.thread = Thread.ofPlatform().daemon().name("reporter").unstarted(() -> run(context));
    }

    void start() {
        thread.start();
    }

    /** Why the attempt has to stop, if it has to. */
    Signal signal() {
        return signal;
    }

    synchronized void raise(Signal reason) {
        if (reason == Signal.SHUTDOWN) {
            stopping.countDown();
        }
        if (reason.compareTo(signal) > 0) {
            signal = reason;
        }
    }

    /** From here on the attempt's end is being written: the heartbeat goes on, and says nothing about the lease. */
    void ending() {
        ending = true;
    }

    /** Waits until nothing waits any more; gives up when the lease is lost or the process has to end. */
    void drain() {
        long given = 0;
        hurry.release();
        while (!outbox.isEmpty() && signal != Signal.LOST && given < PATIENCE_AT_SHUTDOWN.toMillis()) {
            RuntimeException refused = fault;
            if (refused != null) {
                throw refused;
            }
            pause(DRAIN_POLL);
            given = stopping.getCount() == 0 ? given + DRAIN_POLL.toMillis() : 0;
        }
    }

    /** Does a write that must happen, again and again while the database is away. */
    <T> T persist(Supplier<T> write) {
        long given = 0;
        for (int tries = 0; ; tries++) {
            try {
                return write.get();
            } catch (RuntimeException e) {
                if (!Outage.is(e) || given > PATIENCE_AT_SHUTDOWN.toMillis()) {
                    throw e;
                }
                LOG.warn("The database does not answer; what must be written waits: {}", e.getMessage());
                Duration pause = backoff(tries);
                pause(pause);
                given = stopping.getCount() == 0 ? given + pause.toMillis() : 0;
            }
        }
    }

    private void run(@Nullable Map<String, String> context) {
        if (context != null) {
            MDC.setContextMap(context);
        }
        while (closed.getCount() > 0 && signal != Signal.LOST) {
            rest(tick());
        }
    }

    /** @return time until the next one */
    private Duration tick() {
        try {
            renewIfDue();
            if (!ending && fault == null && trust.holds() && outbox.flush(database.reports(), lease)) {
                raise(Signal.CANCEL);
            }
            recovered();
            return TICK;
        } catch (LeaseLostException e) {
            LOG.warn("{} Whoever holds it now goes on from the last checkpoint; this worker stops.", e.getMessage());
            raise(Signal.LOST);
            return TICK;
        } catch (RuntimeException e) {
            return Outage.is(e) ? outage(e) : refused(e);
        }
    }

    private void renewIfDue() {
        long now = trust.now();
        if (now < nextRenewal) {
            return;
        }
        if (ending) {
            database.workers().beat(lease.workerId(), settings.lease());
        } else if (database.queue().renew(lease, settings.lease())) {
            raise(Signal.CANCEL);
        }
        trust.renewed(now);
        nextRenewal = now + settings.heartbeat().toNanos();
    }

    private void recovered() {
        if (failures > 0) {
            failures = 0;
            LOG.info("The database answers again; everything that waited is written.");
        }
    }

    private Duration outage(RuntimeException e) {
        if (failures++ == 0) {
            LOG.warn("The database does not answer; training goes on, its figures wait: {}", e.getMessage());
        }
        return backoff(failures);
    }

    private Duration refused(RuntimeException e) {
        fault = Objects.requireNonNullElse(fault, e);
        return TICK;
    }

    private static Duration backoff(int tries) {
        Duration pause = TICK.multipliedBy(1L << Math.min(tries, 6));
        return pause.compareTo(LONGEST_PAUSE) < 0 ? pause : LONGEST_PAUSE;
    }

    /** Until the next look, or until somebody waits for the outbox to be empty. */
    private void rest(Duration time) {
        try {
            hurry.tryAcquire(time.toMillis(), TimeUnit.MILLISECONDS);
            hurry.drainPermits();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            raise(Signal.SHUTDOWN);
        }
    }

    private void pause(Duration time) {
        try {
            closed.await(time.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            raise(Signal.SHUTDOWN);
        }
    }

    @Override
    public void close() {
        closed.countDown();
        hurry.release();
        try {
            thread.join(Duration.ofSeconds(20));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
