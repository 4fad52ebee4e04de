package dev.lowrank.node;

import dev.lowrank.db.blob.BlobStore;
import dev.lowrank.db.queue.Lease;
import dev.lowrank.db.queue.LeaseLostException;
import dev.lowrank.kernels.DeviceLostException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;
import org.springframework.stereotype.Component;

/** Runs one claimed job from its first phase to the word that ends the attempt. */
@Component
final class AttemptRunner {
    private static final Logger LOG = LoggerFactory.getLogger(AttemptRunner.class);
    private static final int RETRIES = 2;

    private final QueueAccess database;
    private final NodeSettings settings;
    private final Folders folders;
    private final BlobStore blobs;
    private final Trainer trainer;
    private final BatchLauncher batch;
    private volatile boolean stopping;
    private boolean deviceLost;
    private volatile @Nullable Reporter current;
    private volatile @Nullable Lease held;

    AttemptRunner(
            QueueAccess database,
            NodeSettings settings,
            Folders folders,
            BlobStore blobs,
            Trainer trainer,
            BatchLauncher batch) {
        this.database = database;
        this.settings = settings;
        this.folders = folders;
        this.blobs = blobs;
        this.trainer = trainer;
        this.batch = batch;
    }

    /** The job that runs, and every later one, checkpoints and is handed back. */
    void stop() {
        stopping = true;
        Reporter running = current;
        if (running != null) {
            running.raise(Signal.SHUTDOWN);
        }
    }

    /** The phase takes too long to wait for: somebody else starts it again. What is still done here is refused. */
    void handBack() {
        Lease lease = held;
        if (lease != null) {
            try {
                database.ending().preempted(lease, "its worker shut down in the middle of a phase");
                LOG.info("Handed {} back, without waiting for the end of its phase", lease);
            } catch (RuntimeException e) {
                LOG.warn("{} could not be handed back: {}", lease, e.getMessage());
            }
        }
    }

    /** Whether another attempt could compute; not once the device has failed. */
    boolean isUsable() {
        return !deviceLost;
    }

    /** Returns when the attempt is over, however it ended. */
    void run(Lease lease) {
        MDC.put("job", lease.jobId());
        MDC.put("attempt", "attempt " + lease.attempt());
        Outbox outbox = new Outbox();
        Trust trust = new Trust(settings.lease(), System::nanoTime);
        try (Reporter reporter = new Reporter(lease, database, settings, trust, outbox)) {
            current = reporter;
            held = lease;
            reporter.start();
            if (stopping) {
                reporter.raise(Signal.SHUTDOWN);
            }
            LOG.info("Claimed, from step {}", lease.fromStep());
            try (Attempt attempt = attempt(lease, reporter, outbox)) {
                conclude(attempt, reporter, batch.run(attempt));
            }
        } catch (LeaseLostException e) {
            LOG.warn("{} This worker stops and writes nothing more.", e.getMessage());
        } finally {
            current = null;
            held = null;
            MDC.remove("job");
            MDC.remove("attempt");
        }
    }

    private Attempt attempt(Lease lease, Reporter reporter, Outbox outbox) {
        return new Attempt(
                lease,
                database,
                trainer,
                new Inputs(folders, blobs, trainer),
                new Checkpoints(folders),
                new Registration(database, blobs),
                reporter,
                outbox);
    }

    /** An end that the database refuses must not leave the job with a worker that has forgotten it. */
    private void conclude(Attempt attempt, Reporter reporter, @Nullable Throwable failure) {
        try {
            writeEnd(attempt, reporter, failure);
        } catch (LeaseLostException e) {
            throw e;
        } catch (RuntimeException e) {
            fail(attempt, reporter, Failures.judge(e, attempt.folder()));
        }
    }

    private void writeEnd(Attempt attempt, Reporter reporter, @Nullable Throwable failure) {
        Boolean registered = attempt.registered();
        if (registered != null) {
            LOG.info(registered ? "Succeeded" : "Cancelled at the last moment");
            tidy(attempt.folder());
            return;
        }
        if (reporter.signal() == Signal.LOST || failure instanceof LeaseLostException) {
            LOG.warn("Lost; its last registered checkpoint is where the next attempt goes on");
            return;
        }
        if (failure != null && Outage.is(failure)) {
            // A phase waits until its own writes are through, but Spring Batch's between two phases are tried only
            // once.
            handBack(attempt.lease(), reporter, "its worker lost the database between two phases");
            return;
        }
        if (failure != null) {
            deviceLost |= failure instanceof DeviceLostException;
            fail(attempt, reporter, Failures.judge(failure, attempt.folder()));
            return;
        }
        stop(attempt.lease(), reporter);
    }

    /** What was reported before belongs before the end; if it cannot be written any more, the end still can. */
    private static void beforeTheEnd(Reporter reporter) {
        try {
            reporter.drain();
        } catch (RuntimeException e) {
            LOG.error("The database refused what the attempt reported last", e);
        }
        reporter.ending();
    }

    private void fail(Attempt attempt, Reporter reporter, Failures.Judged judged) {
        LOG.warn("Failed ({}): {}", judged.failure().code(), judged.failure().message());
        beforeTheEnd(reporter);
        reporter.persist(() -> judged.mayPass()
                ? database.ending().failedForNow(attempt.lease(), judged.failure(), RETRIES)
                : database.ending().failed(attempt.lease(), judged.failure()));
        tidy(attempt.folder());
    }

    private void stop(Lease lease, Reporter reporter) {
        beforeTheEnd(reporter);
        switch (reporter.signal()) {
            case CANCEL -> {
                LOG.info("Cancelled; the last checkpoint is kept");
                reporter.persist(() -> {
                    database.ending().cancelled(lease);
                    return true;
                });
            }
            case SHUTDOWN -> handBack(lease, reporter, "its worker shut down");
            case LOST -> LOG.warn("Lost while stopping");
            case NONE -> {
                IllegalStateException unasked = new IllegalStateException("Training stopped, but nobody asked it to.");
                reporter.persist(() -> database.ending()
                        .failedForNow(
                                lease, Failures.judge(unasked, Path.of("")).failure(), RETRIES));
            }
        }
    }

    private void handBack(Lease lease, Reporter reporter, String why) {
        LOG.info("Handed back: {}", why);
        reporter.ending();
        reporter.persist(() -> database.ending().preempted(lease, why));
    }

    /** Checkpoints stay; what can be made again goes. */
    private static void tidy(Path folder) {
        try {
            for (String name : List.of("output", "output.zip", Inputs.TRAINING_FILE, Inputs.VALIDATION_FILE)) {
                HardLinks.remove(folder.resolve(name));
            }
        } catch (IOException e) {
            LOG.warn("{} could not be tidied: {}", folder, e.toString());
        }
    }
}
