package dev.lowrank.node;

import dev.lowrank.db.queue.Assignment;
import dev.lowrank.db.queue.JobEvent;
import dev.lowrank.db.queue.Lease;
import dev.lowrank.db.queue.Phase;
import dev.lowrank.db.queue.Progress;
import dev.lowrank.engine.adapter.Verdict;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.engine.train.Ending;
import dev.lowrank.engine.train.HeldOut;
import dev.lowrank.engine.train.Packing;
import dev.lowrank.engine.train.RunPlan;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** One run of a job on this worker, phase after phase, all on one thread. A phase answers whether to go on. */
final class Attempt implements AutoCloseable {
    /** How long a piece of work without progress to tell of may take. */
    static final Duration PHASE_LIMIT = Duration.ofHours(1);

    private final Lease lease;
    private final QueueAccess database;
    private final Trainer trainer;
    private final Inputs inputs;
    private final Checkpoints checkpoints;
    private final Registration registration;
    private final Reporter reporter;
    private final Outbox outbox;
    private final Path folder;

    private @Nullable Assignment assignment;
    private @Nullable Path base;
    private @Nullable Training training;
    private @Nullable StepReports steps;
    private @Nullable HeldOut heldOut;
    private @Nullable Verdict verdict;
    private @Nullable Boolean registered;

    Attempt(
            Lease lease,
            QueueAccess database,
            Trainer trainer,
            Inputs inputs,
            Checkpoints checkpoints,
            Registration registration,
            Reporter reporter,
            Outbox outbox) {
        this.lease = lease;
        this.database = database;
        this.trainer = trainer;
        this.inputs = inputs;
        this.checkpoints = checkpoints;
        this.registration = registration;
        this.reporter = reporter;
        this.outbox = outbox;
        this.folder = inputs.folders().attempt(lease);
    }

    static Path output(Path attempt) {
        return attempt.resolve("output");
    }

    Lease lease() {
        return lease;
    }

    Path folder() {
        return folder;
    }

    /** Null until the job's end is written; then whether it succeeded (else it was cancelled). */
    @Nullable
    Boolean registered() {
        return registered;
    }

    boolean prepare() {
        if (reporter.signal() != Signal.NONE) {
            return false;
        }
        progress(Phase.PREPARE, lease.fromStep(), null);
        Assignment given = reporter.persist(() -> database.queue().assignment(lease));
        assignment = given;
        base = inputs.base(given);
        makeFolder();
        TrainingSpec spec = inputs.spec(given, base, folder);
        checkpoints.bring(reporter.persist(() -> database.reports().checkpoints(lease)), folder);
        training = trainer.open(spec, folder);
        tellPlan(training);
        return goOn();
    }

    boolean train() {
        Training run = Objects.requireNonNull(training);
        StepReports reports = new StepReports(lease, reporter, outbox, checkpoints);
        steps = reports;
        progress(Phase.TRAIN, run.completedSteps(), run.plan().totalSteps());
        Ending ending = run.train(reports);
        return goOn() && ending.complete();
    }

    boolean evaluate() {
        Training run = Objects.requireNonNull(training);
        progress(Phase.EVALUATE);
        HeldOut measured = run.evaluate();
        heldOut = measured;
        if (measured != null) {
            int step = run.resultStep();
            outbox.write((reports, l) -> reports.heldOut(l, step, measured.tunedLoss(), measured.tunedTokenAccuracy()));
            event(JobEvent.info(String.format(
                    Locale.ROOT,
                    "Held-out loss: %.4f, and %.4f for the base alone (%d tokens)",
                    measured.tunedLoss(),
                    measured.baseLoss(),
                    measured.tokens())));
        }
        return goOn();
    }

    boolean verify() {
        progress(Phase.VERIFY);
        Path output = output(folder);
        Objects.requireNonNull(training).writeOutput(output);
        Verdict judged = trainer.verify(output, Objects.requireNonNull(base), heldOut);
        verdict = judged;
        judged.checks().stream().filter(check -> !check.passed()).findFirst().ifPresent(check -> {
            throw JobFailure.lasting(
                    "verification_failed",
                    "The result did not pass the check \"%s\": %s".formatted(check.name(), check.detail()),
                    null);
        });
        return goOn();
    }

    boolean register() {
        progress(Phase.REGISTER);
        if (!goOn()) {
            return false;
        }
        StepReports reports = steps;
        registered = registration.register(
                lease,
                Objects.requireNonNull(assignment),
                folder,
                EngineJson.version(
                        completed(),
                        Objects.requireNonNull(training).resultStep(),
                        reports == null ? null : reports.lastLoss(),
                        heldOut),
                EngineJson.verdict(Objects.requireNonNull(verdict)),
                reporter);
        return true;
    }

    /** Written before the next phase begins, so that Spring Batch's own row finds the database there as well. */
    private boolean goOn() {
        reporter.drain();
        return reporter.signal() == Signal.NONE;
    }

    private void tellPlan(Training run) {
        RunPlan plan = run.plan();
        event(JobEvent.info("Prepared %d examples: %d steps, %d trained tokens an epoch, %d of %d parameters trained"
                .formatted(
                        plan.examples(),
                        plan.totalSteps(),
                        plan.trainedTokens(),
                        plan.trainableParameters(),
                        Math.max(plan.baseParameters(), plan.trainableParameters()))));
        event(JobEvent.info(plan.arithmetic().reason()));
        event(JobEvent.info(plan.memory().base().toString()));
        event(JobEvent.info(plan.memory().toString()));
        Packing packing = plan.packing();
        if (packing != null) {
            event(JobEvent.info(String.format(
                    Locale.ROOT,
                    "Packed into %d sequences of at most %d tokens an epoch, %.1f %% full",
                    packing.packs(),
                    packing.capacity(),
                    100 * packing.fill())));
        }
        if (plan.truncatedRows() > 0) {
            event(JobEvent.warn("%d of %d examples are longer than max_length and were cut off"
                    .formatted(plan.truncatedRows(), plan.examples())));
        }
        if (run.completedSteps() != lease.fromStep()) {
            event(JobEvent.warn("The checkpoint at step %d could not be used; training goes on from step %d"
                    .formatted(lease.fromStep(), run.completedSteps())));
        }
    }

    private void makeFolder() {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot make " + folder, e);
        }
    }

    /** Fewer than were planned if the run stopped early. */
    private int completed() {
        return Objects.requireNonNull(training).completedSteps();
    }

    private void event(JobEvent event) {
        outbox.write((reports, l) -> reports.event(l, event));
    }

    /** A phase after training. */
    private void progress(Phase phase) {
        progress(phase, completed(), Objects.requireNonNull(training).plan().totalSteps());
    }

    private void progress(Phase phase, int step, @Nullable Integer total) {
        outbox.progress(new Progress(phase, step, total, PHASE_LIMIT, null));
    }

    @Override
    public void close() {
        if (training != null) {
            training.close();
        }
    }
}
