package dev.lowrank.platform;

import dev.lowrank.db.blob.Blob;
import dev.lowrank.db.blob.BlobStore;
import dev.lowrank.db.queue.Checkpoint;
import dev.lowrank.db.queue.JobEnding;
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
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.stream.IntStream;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.transaction.support.TransactionOperations;

/** Does to jobs in the database what a worker does, without training. */
public final class FakeWorker {
    private static final Duration TTL = Duration.ofMinutes(10);

    private final String id = "worker-" + UUID.randomUUID();
    private final JobQueue queue;
    private final JobReports reports;
    private final JobEnding ending;
    private final BlobStore blobs;

    public FakeWorker(RunningApi api) {
        JdbcClient jdbc = api.jdbc();
        TransactionOperations transactions = api.context.getBean(TransactionOperations.class);
        queue = new JobQueue(jdbc);
        reports = new JobReports(jdbc);
        ending = new JobEnding(jdbc, transactions);
        blobs = api.context.getBean(BlobStore.class);
        new Workers(jdbc).register(id, "test", 1, "no device", TTL);
    }

    /** Claims jobs until it has this one; the others go back to the queue. */
    public Lease claim(String job) {
        Lease lease = queue.claim(id, TTL).orElseThrow();
        if (lease.jobId().equals(job)) {
            return lease;
        }
        Lease wanted = claim(job);
        ending.preempted(lease, "another job was wanted");
        return wanted;
    }

    /** Reports steps up to {@code step} of {@code total}, with a checkpoint at the end. */
    public void train(Lease lease, int from, int step, int total) {
        reports.progress(lease, new Progress(Phase.TRAIN, step, total, TTL, Duration.ofSeconds(5)));
        List<Metric> metrics = IntStream.rangeClosed(from, step)
                .mapToObj(s -> new Metric(s, 2.0 / s, 0.5, 1e-3, 10, 1000.0, 0.5, null, null))
                .toList();
        reports.metrics(lease, metrics);
        reports.checkpoint(
                lease,
                new Checkpoint(step, "runs/x/step-" + step, "b".repeat(64), 10, "{\"step\": %d}".formatted(step)));
    }

    /** Ends the job well with an archive of these bytes. */
    public void succeed(Lease lease, String adapter, byte[] archive) throws IOException {
        Blob blob = blobs.put(new ByteArrayInputStream(archive), archive.length);
        Blob csv = blobs.put(new ByteArrayInputStream("step,train_loss\n1,2.0\n".getBytes()), 100);
        ending.succeeded(lease, result(adapter, blob, csv));
    }

    private static Result result(String adapter, Blob blob, Blob csv) {
        return new Result(
                "ft:model:org:%s:%s"
                        .formatted(adapter, UUID.randomUUID().toString().substring(0, 8)),
                adapter,
                blob,
                "model",
                "c".repeat(64),
                "{}",
                "{\"held_out\": {\"base_loss\": 2.0, \"tuned_loss\": 1.0}}",
                "{\"checks\": []}",
                csv);
    }
}
