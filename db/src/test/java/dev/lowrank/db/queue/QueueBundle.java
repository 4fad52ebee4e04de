package dev.lowrank.db.queue;

import dev.lowrank.db.TestDatabase;
import dev.lowrank.db.TestRows;
import dev.lowrank.db.blob.Blob;
import java.time.Duration;
import javax.sql.DataSource;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.support.JdbcTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

/** A queue on a database of its own, with one worker. */
record QueueBundle(
        JdbcClient jdbc,
        TestRows rows,
        JobQueue queue,
        JobReports reports,
        JobEnding ending,
        Workers workers,
        String worker) {
    static final Duration MINUTE = Duration.ofMinutes(1);
    static final String SHA = "b".repeat(64);

    static QueueBundle create() {
        DataSource source = TestDatabase.create().pool();
        JdbcClient jdbc = JdbcClient.create(source);
        QueueBundle bundle = new QueueBundle(
                jdbc,
                new TestRows(jdbc),
                new JobQueue(jdbc),
                new JobReports(jdbc),
                new JobEnding(jdbc, new TransactionTemplate(new JdbcTransactionManager(source))),
                new Workers(jdbc),
                "worker-a");
        bundle.workers.register(bundle.worker, "localhost", 1, "CPU", MINUTE);
        return bundle;
    }

    Lease claim() {
        return queue.claim(worker, MINUTE).orElseThrow();
    }

    void checkpoint(Lease lease, int step) {
        reports.checkpoint(lease, checkpointAt(step));
    }

    /** Loses the lease as a silent worker does; the worker is alive again afterwards. */
    void lose() {
        rows.silence(worker);
        queue.sweep();
        workers.beat(worker, MINUTE);
    }

    static Checkpoint checkpointAt(int step) {
        return new Checkpoint(step, "runs/step-" + step, SHA, 10, "{\"step\": %d}".formatted(step));
    }

    static Metric metric(int step, Double loss) {
        return new Metric(step, loss, 0.5, 1e-4, 100, 1000.0, 0.25, null, null);
    }

    static Progress progress(Phase phase, int step) {
        return new Progress(phase, step, 100, MINUTE, null);
    }

    static Result result(String model, String adapter) {
        return new Result(
                model,
                adapter,
                new Blob("c".repeat(64), 5),
                "tiny",
                SHA,
                "{}",
                "{}",
                "{}",
                new Blob("d".repeat(64), 6));
    }
}
