package dev.lowrank.node;

import dev.lowrank.db.queue.JobEvent;
import dev.lowrank.db.queue.Lease;
import dev.lowrank.db.queue.Metric;
import dev.lowrank.db.queue.Phase;
import dev.lowrank.db.queue.Progress;
import dev.lowrank.engine.train.CheckpointFolder;
import dev.lowrank.engine.train.RunControl;
import dev.lowrank.engine.train.StepMetrics;
import dev.lowrank.engine.train.Validation;
import java.time.Duration;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** What the training loop tells goes into the outbox; what it asks is answered from the newest signal. */
final class StepReports implements RunControl {
    /** Every step's figures are stored; events, which people read, come at most this often. */
    private static final long EVENT_EVERY_NANOS = Duration.ofSeconds(1).toNanos();

    private final Lease lease;
    private final Reporter reporter;
    private final Outbox outbox;
    private final Checkpoints checkpoints;
    private final Pace pace = new Pace();
    private long previousStep = System.nanoTime();
    private long previousEvent;
    private @Nullable StepMetrics last;
    private @Nullable Validation validated;

    StepReports(Lease lease, Reporter reporter, Outbox outbox, Checkpoints checkpoints) {
        this.lease = lease;
        this.reporter = reporter;
        this.outbox = outbox;
        this.checkpoints = checkpoints;
    }

    /** Loss of the newest step, or null if this attempt took none. */
    @Nullable
    Double lastLoss() {
        return last == null ? null : last.loss();
    }

    @Override
    public boolean stopRequested() {
        return reporter.signal() != Signal.NONE;
    }

    @Override
    public void stepped(StepMetrics step) {
        long now = System.nanoTime();
        pace.stepped(now - previousStep);
        previousStep = now;
        outbox.metric(metric(step));
        outbox.progress(new Progress(
                Phase.TRAIN,
                step.step(),
                step.totalSteps(),
                pace.nextWithin(),
                pace.remaining(step.totalSteps() - step.step())));
        if (last == null || step.step() == step.totalSteps() || now - previousEvent >= EVENT_EVERY_NANOS) {
            previousEvent = now;
            JobEvent event = JobEvent.metrics(
                    String.format(Locale.ROOT, "Step %d: training loss=%.2f", step.step(), step.loss()),
                    EngineJson.step(step));
            outbox.writeIfRoom((reports, l) -> reports.event(l, event));
        }
        last = step;
    }

    /** It is no step, and may take much longer than one. */
    @Override
    public void evaluating(StepMetrics step) {
        outbox.progress(new Progress(
                Phase.TRAIN,
                step.step(),
                step.totalSteps(),
                Attempt.PHASE_LIMIT,
                pace.remaining(step.totalSteps() - step.step())));
    }

    @Override
    public void evaluated(Validation validation) {
        previousStep = System.nanoTime();
        validated = validation;
        outbox.write(
                (reports, l) -> reports.heldOut(l, validation.step(), validation.loss(), validation.tokenAccuracy()));
        JobEvent event = JobEvent.metrics(
                String.format(Locale.ROOT, "Step %d: validation loss=%.4f", validation.step(), validation.loss()),
                EngineJson.validation(validation));
        outbox.writeIfRoom((reports, l) -> reports.event(l, event));
    }

    @Override
    public void stoppedEarly(String reason) {
        outbox.write((reports, l) -> reports.event(l, JobEvent.info(reason)));
    }

    @Override
    public void skipped(int step, String reason) {
        outbox.writeIfRoom(
                (reports, l) -> reports.event(l, JobEvent.info("Step %d skipped: %s".formatted(step, reason))));
    }

    @Override
    public void checkpointed(CheckpointFolder folder) {
        String metrics = EngineJson.checkpoint(folder.step(), last, validated);
        outbox.write((reports, l) -> checkpoints.register(reports, lease, folder, metrics));
    }

    private static Metric metric(StepMetrics step) {
        return new Metric(
                step.step(),
                step.loss(),
                step.gradNorm(),
                step.learningRate(),
                step.trainedTokens(),
                step.tokensPerSecond(),
                step.tokenAccuracy(),
                null,
                null);
    }
}
