package dev.lowrank.node;

import dev.lowrank.db.Schema;
import dev.lowrank.db.queue.Lease;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;
import org.springframework.context.SmartLifecycle;
import org.springframework.stereotype.Component;

/**
 * Claims a job and runs it, then the next, on one platform thread of this process; a second thread takes back what lost
 * workers held. Stopping waits until the running job is checkpointed and handed back, or its time is up.
 */
@Component
final class WorkLoop implements SmartLifecycle {
    private static final Logger LOG = LoggerFactory.getLogger(WorkLoop.class);
    /** A claim whose answer never arrived is taken back after this long. */
    private static final Duration FIRST_PROGRESS = Duration.ofMinutes(1);

    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);

    private final WorkerName name;
    private final DataSource dataSource;
    private final QueueAccess database;
    private final NodeSettings settings;
    private final Trainer trainer;
    private final AttemptRunner runner;
    private final ProcessEnd end;
    private final CountDownLatch stopping = new CountDownLatch(1);
    private @Nullable Thread worker;
    private long nextBeat;

    WorkLoop(
            WorkerName name,
            DataSource dataSource,
            QueueAccess database,
            NodeSettings settings,
            Trainer trainer,
            AttemptRunner runner,
            ProcessEnd end) {
        this.name = name;
        this.dataSource = dataSource;
        this.database = database;
        this.settings = settings;
        this.trainer = trainer;
        this.runner = runner;
        this.end = end;
    }

    @Override
    public synchronized void start() {
        worker = Thread.ofPlatform().name("trainer").start(this::work);
    }

    @Override
    public void stop() {
        Thread thread;
        synchronized (this) {
            thread = worker;
            worker = null;
        }
        stopping.countDown();
        runner.stop();
        if (thread != null && !endsWithin(settings.shutdown(), thread)) {
            runner.handBack();
            leave();
        }
    }

    @Override
    public void stop(Runnable callback) {
        // On a thread of its own, so that Spring's time limit counts.
        Thread.ofPlatform().name("stopping").start(() -> {
            try {
                stop();
            } finally {
                callback.run();
            }
        });
    }

    @Override
    public synchronized boolean isRunning() {
        return worker != null;
    }

    private static boolean endsWithin(Duration limit, Thread thread) {
        try {
            return thread.join(limit);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    private void work() {
        MDC.put("worker", name.id());
        if (untilDone("The database is not ready; waiting for the API to migrate it", this::schemaIsCurrent)
                && untilDone("This worker cannot be registered", this::register)) {
            LOG.info("Worker {} is ready: {}", name.id(), trainer.device());
            Thread.ofPlatform().daemon().name("sweeper").start(this::sweep);
            claimUntilStopped();
            leave();
            endIfUseless();
        }
    }

    private void endIfUseless() {
        if (!runner.isUsable()) {
            LOG.error("This worker has lost its device and ends; another process can use it, if it can be used at all");
            end.begin();
        }
    }

    private boolean schemaIsCurrent() {
        return Schema.isCurrent(dataSource);
    }

    private boolean register() {
        database.workers()
                .register(name.id(), host(), ProcessHandle.current().pid(), trainer.device(), settings.lease());
        nextBeat = System.nanoTime();
        return true;
    }

    private static String host() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "unknown";
        }
    }

    /** Tries again, ever less often, until it works or the process has to end. */
    private boolean untilDone(String problem, BooleanTask task) {
        Duration pause = settings.poll();
        for (int tries = 0; !isStopping(); tries++) {
            String why = "it is not there yet";
            try {
                if (task.done()) {
                    return true;
                }
            } catch (RuntimeException e) {
                why = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
            }
            if (tries % 20 == 0) {
                LOG.warn("{}: {}", problem, why);
            }
            pause(pause);
            pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0 ? pause.multipliedBy(2) : LONGEST_PAUSE;
        }
        return false;
    }

    private interface BooleanTask {
        boolean done();
    }

    private void claimUntilStopped() {
        int failures = 0;
        while (!isStopping() && runner.isUsable()) {
            try {
                beat();
                Optional<Lease> lease = database.queue().claim(name.id(), FIRST_PROGRESS);
                failures = 0;
                if (lease.isPresent()) {
                    runner.run(lease.get());
                } else {
                    pause(jitter(settings.poll()));
                }
            } catch (Throwable e) {
                if (Outage.is(e)) {
                    tell(failures, e);
                } else {
                    LOG.error("The attempt was given up; its lease ends by itself and the job is queued again", e);
                }
                pause(jitter(settings.poll().multipliedBy(1L << Math.min(failures, 4))));
                failures++;
            }
        }
    }

    private static void tell(int failures, Throwable e) {
        if (failures == 0) {
            LOG.warn("The database does not answer; this worker goes on trying: {}", e.getMessage());
        }
    }

    private void beat() {
        long now = System.nanoTime();
        if (now - nextBeat >= 0) {
            database.workers().beat(name.id(), settings.lease());
            nextBeat = now + settings.heartbeat().toNanos();
        }
    }

    private void sweep() {
        MDC.put("worker", name.id());
        while (!isStopping()) {
            try {
                database.queue().sweep().forEach(job -> LOG.info("Took back {}, whose worker was lost", job));
            } catch (RuntimeException e) {
                if (!Outage.is(e)) {
                    LOG.error("Lost jobs could not be looked for", e);
                }
            }
            pause(jitter(settings.sweep()));
        }
    }

    private void leave() {
        try {
            database.workers().stopped(name.id());
            LOG.info("Worker {} has stopped", name.id());
        } catch (RuntimeException e) {
            LOG.warn("The database could not be told that this worker stops: {}", e.getMessage());
        }
    }

    /** Half to one and a half of it, so that workers do not come all at once. */
    private static Duration jitter(Duration pause) {
        return Duration.ofMillis(
                ThreadLocalRandom.current().nextLong(pause.toMillis() / 2, pause.toMillis() * 3 / 2 + 1));
    }

    private boolean isStopping() {
        return stopping.getCount() == 0;
    }

    private void pause(Duration time) {
        try {
            stopping.await(time.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            stopping.countDown();
        }
    }
}
