package dev.lowrank.db.queue;

import static dev.lowrank.db.queue.QueueBundle.MINUTE;
import static dev.lowrank.db.queue.QueueBundle.checkpointAt;
import static dev.lowrank.db.queue.QueueBundle.metric;
import static dev.lowrank.db.queue.QueueBundle.progress;
import static dev.lowrank.db.queue.QueueBundle.result;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class FenceTest {
    private static final QueueBundle BUNDLE = QueueBundle.create();
    private static final Failure FAILURE = new Failure("internal_error", "It broke.", null);

    private static Arguments write(String name, BiConsumer<QueueBundle, Lease> write) {
        return Arguments.of(name, write);
    }

    static Stream<Arguments> writes() {
        return Stream.of(
                write("renew", (b, l) -> b.queue().renew(l, MINUTE)),
                write("assignment", (b, l) -> b.queue().assignment(l)),
                write("progress", (b, l) -> b.reports().progress(l, progress(Phase.TRAIN, 3))),
                write("metrics", (b, l) -> b.reports().metrics(l, List.of(metric(1, 2.0)))),
                write("held out", (b, l) -> b.reports().heldOut(l, 1, 1.0, 0.5)),
                write("event", (b, l) -> b.reports().event(l, JobEvent.info("hello"))),
                write("checkpoint", (b, l) -> b.reports().checkpoint(l, checkpointAt(9))),
                write("checkpoint removed", (b, l) -> b.reports().checkpointRemoved(l, 5)),
                write("succeeded", (b, l) -> b.ending().succeeded(l, result("ft:" + l.jobId(), "x"))),
                write("failed", (b, l) -> b.ending().failed(l, FAILURE)),
                write("failed for now", (b, l) -> b.ending().failedForNow(l, FAILURE, 2)),
                write("preempted", (b, l) -> b.ending().preempted(l, "shutdown")),
                write("cancelled", (b, l) -> b.ending().cancelled(l)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("writes")
    void aZombieWritesNothingWhileAnotherHoldsTheJob(String name, BiConsumer<QueueBundle, Lease> write) {
        QueueBundle bundle = BUNDLE;
        String job = onlyQueuedJob(bundle);
        Lease zombie = bundle.claim();
        bundle.checkpoint(zombie, 5);
        bundle.lose();
        Lease holder = bundle.claim();
        Map<String, Object> before = everything(bundle, job);
        assertThatThrownBy(() -> write.accept(bundle, zombie)).isInstanceOf(LeaseLostException.class);
        assertThat(everything(bundle, job)).isEqualTo(before);
        assertThat(bundle.queue().renew(holder, MINUTE)).isFalse();
    }

    /** Both at once, many times: whoever comes second must see what the first did. */
    @ParameterizedTest(name = "{0}")
    @MethodSource("writes")
    void aWriteAndTheSweepAtTheSameMomentAgreeOnWhoWasFirst(String name, BiConsumer<QueueBundle, Lease> write)
            throws Exception {
        QueueBundle bundle = BUNDLE;
        try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
            for (int round = 0; round < 10; round++) {
                race(bundle, threads, write, name.equals("cancelled"));
            }
        }
    }

    private void race(
            QueueBundle bundle, ExecutorService threads, BiConsumer<QueueBundle, Lease> write, boolean cancelled)
            throws Exception {
        String job = onlyQueuedJob(bundle);
        Lease lease = bundle.claim();
        if (cancelled) {
            bundle.rows().askToCancel(job);
        }
        bundle.rows().silence(bundle.worker());
        CyclicBarrier start = new CyclicBarrier(2);
        Future<Boolean> written = threads.submit(() -> {
            start.await();
            return succeeds(bundle, lease, write);
        });
        Future<List<String>> swept = threads.submit(() -> {
            start.await();
            return bundle.queue().sweep();
        });
        boolean wrote = written.get();
        boolean taken = swept.get().contains(job);
        assertThat(wrote || taken).isTrue();
        bundle.rows().silence(bundle.worker());
        bundle.queue().sweep();
        assertThat(bundle.rows().outcomes(job)).hasSize(1).doesNotContain("open");
        assertThat(succeeds(bundle, lease, (b, l) -> b.reports().event(l, JobEvent.info("late"))))
                .isFalse();
        bundle.workers().beat(bundle.worker(), MINUTE);
    }

    /** All earlier ones wait behind it. */
    private static String onlyQueuedJob(QueueBundle bundle) {
        bundle.jdbc().sql("update fine_tuning_job set priority = -1").update();
        return bundle.rows().queuedJob();
    }

    private static boolean succeeds(QueueBundle bundle, Lease lease, BiConsumer<QueueBundle, Lease> write) {
        try {
            write.accept(bundle, lease);
            return true;
        } catch (LeaseLostException e) {
            return false;
        }
    }

    @Test
    void anEndingWhoseAnswerWasLostMayBeCalledAgain() {
        QueueBundle bundle = BUNDLE;
        String job = onlyQueuedJob(bundle);
        Lease lease = bundle.claim();
        assertThat(bundle.ending().succeeded(lease, result("ft:tiny", "again"))).isTrue();
        assertThat(bundle.ending().succeeded(lease, result("ft:tiny", "again"))).isTrue();
        assertThat(bundle.rows().count("adapter_version where job_id = '%s'".formatted(job)))
                .isEqualTo(1);
        assertThatThrownBy(() -> bundle.ending().failed(lease, FAILURE)).isInstanceOf(LeaseLostException.class);
        assertThat(bundle.rows().status(job)).isEqualTo("succeeded");
    }

    private static Map<String, Object> everything(QueueBundle bundle, String job) {
        return bundle.jdbc().sql("""
                        select j.*, (select jsonb_agg(to_jsonb(a) order by number) from job_attempt a
                                     where a.job_id = j.id)::text as attempts_text,
                            (select count(*) from job_event) as events, (select count(*) from job_metric) as metrics,
                            (select jsonb_agg(to_jsonb(c))::text from checkpoint c) as checkpoints,
                            (select count(*) from adapter) as adapters, (select count(*) from file) as files
                        from fine_tuning_job j where id = ?
                        """).param(job).query().singleRow();
    }
}
