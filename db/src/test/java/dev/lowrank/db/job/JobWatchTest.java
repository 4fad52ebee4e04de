package dev.lowrank.db.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.db.TestDatabase;
import dev.lowrank.db.TestRows;
import dev.lowrank.db.queue.Checkpoint;
import dev.lowrank.db.queue.JobEvent;
import dev.lowrank.db.queue.JobQueue;
import dev.lowrank.db.queue.JobReports;
import dev.lowrank.db.queue.Lease;
import dev.lowrank.db.queue.Metric;
import dev.lowrank.db.queue.Workers;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import javax.sql.DataSource;
import org.junit.jupiter.api.Test;
import org.springframework.jdbc.core.simple.JdbcClient;

class JobWatchTest {
    private static final Duration MINUTE = Duration.ofMinutes(1);

    private final DataSource source = TestDatabase.create().dataSource();
    private final JdbcClient jdbc = JdbcClient.create(source);
    private final TestRows rows = new TestRows(jdbc);
    private final JobQueue queue = new JobQueue(jdbc);
    private final JobReports reports = new JobReports(jdbc);
    private final Workers workers = new Workers(jdbc);
    private final JobWatch watch = new JobWatch(jdbc);
    private final String job = rows.queuedJob();

    JobWatchTest() {
        workers.register("worker-a", "localhost", 1, "CPU", MINUTE);
    }

    @Test
    void aShortCurveIsGivenStepByStep() {
        steps(claim(), 1, 5, 2.0);

        assertThat(watch.curve(job, 100)).extracting(JobWatch.Point::step).containsExactly(1, 2, 3, 4, 5);
        assertThat(watch.tail(job, 3, 100)).extracting(JobWatch.Point::step).containsExactly(4, 5);
    }

    @Test
    void aLongCurveKeepsItsPeaksInFewPoints() {
        Lease lease = claim();
        steps(lease, 1, 1000, 1.0);
        reports.metrics(lease, List.of(metric(500, 9.0)));

        List<JobWatch.Point> curve = watch.curve(job, 100);

        assertThat(curve).hasSize(100);
        assertThat(curve.getLast().step()).isEqualTo(1000);
        assertThat(curve)
                .filteredOn(point -> Double.valueOf(9.0).equals(point.high()))
                .singleElement()
                .satisfies(point -> {
                    assertThat(point.low()).isEqualTo(1.0);
                    assertThat(point.mean()).isEqualTo(1.8);
                });
    }

    @Test
    void whatIsNotFiniteIsLeftOut() {
        reports.metrics(claim(), List.of(metric(1, Double.NaN), metric(2, Double.POSITIVE_INFINITY), metric(3, 1.0)));

        assertThat(watch.curve(job, 100)).extracting(JobWatch.Point::mean).containsExactly(null, null, 1.0);
        assertThat(watch.curve(job, 1)).extracting(JobWatch.Point::mean).containsExactly(1.0);
    }

    @Test
    void stepsThatALostAttemptTookAfterItsCheckpointDoNotCount() {
        Lease lost = claim();
        steps(lost, 1, 10, 2.0);
        reports.checkpoint(lost, new Checkpoint(5, "runs/step-5", TestRows.DIGEST, 10, "{}"));
        rows.silence("worker-a");
        queue.sweep();
        workers.beat("worker-a", MINUTE);
        Lease next = claim();

        assertThat(watch.curve(job, 100)).hasSize(5);

        steps(next, 6, 7, 1.0);
        assertThat(watch.tail(job, 4, 100)).extracting(JobWatch.Point::mean).containsExactly(2.0, 1.0, 1.0);
    }

    @Test
    void aJobThatNobodyRanHasNoCurve() {
        assertThat(watch.curve(job, 100)).isEmpty();
    }

    @Test
    void messagesComeNewestFirstAndWithoutFigures() {
        Lease lease = claim();
        reports.event(lease, JobEvent.info("one"));
        reports.event(lease, JobEvent.metrics("Step 1", "{}"));
        reports.event(lease, JobEvent.warn("two"));

        List<JobHistory.Event> messages = watch.messages(job, 0, 2);

        assertThat(messages).extracting(JobHistory.Event::message).containsExactly("two", "one");
        assertThat(watch.messages(job, messages.getLast().sequence(), 10))
                .extracting(JobHistory.Event::message)
                .containsExactly("two");
    }

    private Lease claim() {
        return queue.claim("worker-a", MINUTE).orElseThrow();
    }

    private void steps(Lease lease, int first, int last, double loss) {
        reports.metrics(
                lease,
                IntStream.rangeClosed(first, last)
                        .mapToObj(step -> metric(step, loss))
                        .toList());
    }

    private static Metric metric(int step, double loss) {
        return new Metric(step, loss, 0.5, 1e-4, 100, 1000.0, 0.25, null, null);
    }
}
