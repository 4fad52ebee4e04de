package dev.lowrank.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.lowrank.db.TestDatabase;
import dev.lowrank.db.TestRows;
import dev.lowrank.db.queue.JobEnding;
import dev.lowrank.db.queue.JobEvent;
import dev.lowrank.db.queue.JobQueue;
import dev.lowrank.db.queue.JobReports;
import dev.lowrank.db.queue.Lease;
import dev.lowrank.db.queue.LeaseLostException;
import dev.lowrank.db.queue.Metric;
import dev.lowrank.db.queue.Workers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.jdbc.support.JdbcTransactionManager;
import org.springframework.transaction.support.TransactionTemplate;

class ReporterTest {
    private static final Duration LEASE = Duration.ofSeconds(30);

    private final TestDatabase database = TestDatabase.create();
    private final JdbcClient jdbc = JdbcClient.create(database.dataSource());
    private final TestRows rows = new TestRows(jdbc);
    private final QueueAccess access = new QueueAccess(
            new JobQueue(jdbc),
            new JobReports(jdbc),
            new JobEnding(jdbc, new TransactionTemplate(new JdbcTransactionManager(database.dataSource()))),
            new Workers(jdbc));
    private final String job = rows.queuedJob();
    private final Lease lease = claim();
    /** Real time, which a test can make pass faster. */
    private final AtomicLong ahead = new AtomicLong();

    private final Trust trust = new Trust(LEASE, () -> System.nanoTime() + ahead.get());
    private final Outbox outbox = new Outbox();
    private final Reporter reporter = new Reporter(
            lease,
            access,
            new NodeSettings(
                    Path.of("data"),
                    Path.of("models"),
                    "cpu",
                    1,
                    Duration.ofMillis(10),
                    LEASE,
                    Duration.ofSeconds(5),
                    Duration.ofSeconds(1),
                    Duration.ofSeconds(1)),
            trust,
            outbox);

    private Lease claim() {
        access.workers().register("worker-r", "localhost", 1, "toy", LEASE);
        return access.queue().claim("worker-r", LEASE).orElseThrow();
    }

    @AfterEach
    void close() {
        database.allowConnections();
        reporter.close();
    }

    @Test
    void writesWhatIsInTheOutboxAndForgetsIt() {
        reporter.start();
        outbox.metric(metric(1));
        outbox.write((reports, l) -> reports.event(l, JobEvent.info("hello")));
        reporter.drain();
        assertThat(outbox.isEmpty()).isTrue();
        assertThat(rows.messages(job)).endsWith("hello");
        assertThat(rows.count("job_metric")).isEqualTo(1);
    }

    @Test
    void writesNothingWhileItCannotRenewAndEverythingOnceItCan() {
        reporter.start();
        until(() -> trust.holds());
        database.refuseConnections();
        ahead.set(Duration.ofSeconds(21).toNanos());
        assertThat(trust.holds()).isFalse();
        outbox.metric(metric(1));
        outbox.metric(metric(2));
        database.allowConnections();
        until(outbox::isEmpty);
        assertThat(trust.holds()).isTrue();
        assertThat(rows.count("job_metric")).isEqualTo(2);
        assertThat(reporter.signal()).isEqualTo(Signal.NONE);
    }

    @Test
    void neverWritesAgainOnceTheJobWasTakenBack() {
        rows.silence("worker-r");
        access.queue().sweep();
        outbox.metric(metric(1));
        reporter.start();
        until(() -> reporter.signal() == Signal.LOST);
        reporter.drain();
        assertThat(rows.count("job_metric")).isZero();
        assertThatThrownBy(() -> reporter.persist(() -> access.queue().assignment(lease)))
                .isInstanceOf(LeaseLostException.class);
    }

    @Test
    void theOwnersCancellationIsSeenWithTheHeartbeat() {
        reporter.start();
        rows.askToCancel(job);
        ahead.set(Duration.ofSeconds(6).toNanos());
        until(() -> reporter.signal() == Signal.CANCEL);
        reporter.raise(Signal.SHUTDOWN);
        assertThat(reporter.signal()).isEqualTo(Signal.CANCEL);
    }

    @Test
    void aWriteTheDatabaseRefusesIsToldToTheAttempt() {
        reporter.start();
        outbox.metric(metric(0));
        assertThatThrownBy(reporter::drain).hasMessageContaining("metric_step_positive");
    }

    private static void until(Callable<Boolean> condition) {
        await().atMost(Duration.ofSeconds(20))
                .pollInterval(Duration.ofMillis(20))
                .until(condition);
    }

    private static Metric metric(int step) {
        return new Metric(step, 1.0, 1.0, 1e-4, 10, 100.0, 0.5, null, null);
    }
}
