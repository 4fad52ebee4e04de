package dev.lowrank.platform.console;

import dev.lowrank.db.TestRows;
import dev.lowrank.db.blob.Blob;
import dev.lowrank.db.blob.BlobStore;
import dev.lowrank.db.queue.Checkpoint;
import dev.lowrank.db.queue.Failure;
import dev.lowrank.db.queue.JobEnding;
import dev.lowrank.db.queue.JobEvent;
import dev.lowrank.db.queue.JobQueue;
import dev.lowrank.db.queue.JobReports;
import dev.lowrank.db.queue.Lease;
import dev.lowrank.db.queue.Metric;
import dev.lowrank.db.queue.Phase;
import dev.lowrank.db.queue.Progress;
import dev.lowrank.db.queue.Result;
import dev.lowrank.db.queue.Workers;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.springframework.transaction.support.TransactionOperations;

/** A worker that writes what a test tells it to, through the same doors as a real one. */
final class ScriptedWorker {
    static final byte[] ARCHIVE = "an archive".getBytes(StandardCharsets.UTF_8);
    private static final Duration LEASE = Duration.ofMinutes(10);
    private static final AtomicInteger COUNT = new AtomicInteger();

    final String id = "worker-console-" + COUNT.incrementAndGet();
    final JobReports reports;
    private final JobEnding ending;
    private final BlobStore blobs;
    private final int total;
    final Lease lease;

    /** Takes a queued job, however many others wait. */
    ScriptedWorker(RunningConsole console, String job, int total) {
        this.total = total;
        this.blobs = console.context.getBean(BlobStore.class);
        this.reports = new JobReports(console.jdbc);
        this.ending = new JobEnding(console.jdbc, console.context.getBean(TransactionOperations.class));
        new Workers(console.jdbc).register(id, "localhost", 1, "CPU, 2 threads", LEASE);
        console.rows.update(job, "priority = " + COUNT.get());
        this.lease = new JobQueue(console.jdbc).claim(id, LEASE).orElseThrow();
    }

    /** Takes steps first..last, whose loss falls and rattles a little. */
    void train(int first, int last) {
        List<Metric> steps =
                IntStream.rangeClosed(first, last).mapToObj(this::step).toList();
        reports.metrics(lease, steps);
        reports.progress(lease, new Progress(Phase.TRAIN, last, total, LEASE, Duration.ofSeconds(total - last)));
    }

    private Metric step(int step) {
        double noise = 0.35 * Math.sin(step * 12.9898) * Math.cos(step * 4.1414);
        double loss = 0.35 + 2.6 * Math.exp(-3.2 * step / total) + noise * Math.exp(-1.2 * step / total);
        double norm = 0.6 + 1.8 * Math.exp(-4.0 * step / total) + 0.3 * Math.abs(noise);
        double rate = 2e-4 * Math.min(1.0, step / (0.1 * total)) * (1 - (double) step / total);
        return new Metric(step, loss, norm, rate, 900, 5200.0, 0.7, null, null);
    }

    void say(String message) {
        reports.event(lease, JobEvent.info(message));
    }

    void checkpoint(int step) {
        reports.checkpoint(
                lease,
                new Checkpoint(
                        step,
                        "runs/" + lease.jobId() + "/" + step,
                        "b".repeat(64),
                        4_311_040,
                        "{\"step\": %d, \"train_loss\": %s}"
                                .formatted(step, step(step).loss())));
    }

    /** Bytes that stand for an adapter's archive. */
    private Blob adapter() {
        try {
            return blobs.put(new ByteArrayInputStream(ARCHIVE), ARCHIVE.length);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void fail(Failure failure) {
        ending.failed(lease, failure);
    }

    void succeed(String adapter, String model) {
        ending.succeeded(
                lease,
                new Result(
                        model,
                        adapter,
                        adapter(),
                        TestRows.BASE,
                        TestRows.DIGEST,
                        "{}",
                        """
                        {"steps": 400, "train_loss": 0.41, "held_out": {"base_loss": 3.1271, "tuned_loss": 0.4402,
                         "base_token_accuracy": 0.2, "tuned_token_accuracy": 0.9, "tokens": 4210}}""",
                        """
                        {"passed": true, "checks": [
                          {"name": "reads back", "passed": true, "detail": "14 tensors, 4.3 MB."},
                          {"name": "finite", "passed": true, "detail": "All 1,064,960 values are finite."},
                          {"name": "held-out loss", "passed": true, "detail": "3.1271 before, 0.4402 after."}],
                         "load_report": ["vLLM: --max-lora-rank 16"]}""",
                        new Blob("d".repeat(64), 600)));
    }
}
