package dev.lowrank.db.queue;

import static dev.lowrank.db.queue.QueueBundle.MINUTE;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SweepTest {
    private final QueueBundle bundle = QueueBundle.create();
    private final String job = bundle.rows().queuedJob();

    @Test
    void leavesAJobWhoseWorkerIsAliveAndGetsOn() {
        bundle.claim();
        assertThat(bundle.queue().sweep()).isEmpty();
        assertThat(bundle.rows().status(job)).isEqualTo("running");
    }

    @Test
    void takesBackWhatASilentWorkerHeld() {
        Lease lease = bundle.claim();
        bundle.checkpoint(lease, 7);
        bundle.rows().silence(bundle.worker());
        assertThat(bundle.queue().sweep()).containsExactly(job);
        assertThat(bundle.queue().sweep()).isEmpty();
        assertThat(bundle.rows().job(job))
                .containsEntry("status", "queued")
                .containsEntry("step", 7)
                .containsEntry("lease_token", null)
                .containsEntry("phase", null);
        assertThat(bundle.rows().outcomes(job)).containsExactly("lost");
        assertThat(bundle.rows().messages(job).getLast())
                .matches("Attempt 1 was lost: its worker was not heard from for 60 s\\. "
                        + "The job will go on from the checkpoint at step 7\\.");
    }

    @Test
    void takesBackWhatALivingWorkerNoLongerGetsOnWith() {
        bundle.claim();
        bundle.jdbc()
                .sql(
                        "update job_attempt set progress_due_at = clock_timestamp(), progressed_at = clock_timestamp() - interval '90 s'")
                .update();
        assertThat(bundle.queue().sweep()).containsExactly(job);
        assertThat(bundle.rows().messages(job).getLast())
                .isEqualTo("Attempt 1 was lost: it made no progress for 90 s. The job will start again.");
    }

    @Test
    void takesBackWhatAStoppedWorkerLeftBehindAtOnce() {
        bundle.claim();
        bundle.workers().stopped(bundle.worker());
        assertThat(bundle.queue().sweep()).containsExactly(job);
    }

    @Test
    void cancelsALostJobWhoseOwnerAskedForIt() {
        bundle.claim();
        bundle.rows().askToCancel(job);
        bundle.lose();
        assertThat(bundle.rows().status(job)).isEqualTo("cancelled");
        assertThat(bundle.rows().messages(job).getLast()).endsWith("The job was cancelled, as asked.");
    }

    @Test
    void failsAJobThatLosesThreeWorkersAtTheSamePlace() {
        for (int i = 0; i < 3; i++) {
            assertThat(bundle.rows().status(job)).isEqualTo("queued");
            bundle.claim();
            bundle.lose();
        }
        assertThat(bundle.rows().job(job)).containsEntry("status", "failed").containsEntry("error_code", "worker_lost");
        assertThat(String.valueOf(bundle.rows().job(job).get("error_message")))
                .startsWith("3 workers in a row were lost while they ran this job from step 0");
        assertThat(bundle.rows().outcomes(job)).containsExactly("lost", "lost", "lost");
    }

    @Test
    void neverFailsAJobThatGetsFurtherBetweenLosses() {
        for (int i = 1; i <= 5; i++) {
            bundle.checkpoint(bundle.claim(), 10 * i);
            bundle.lose();
        }
        assertThat(bundle.rows().status(job)).isEqualTo("queued");
    }

    @Test
    void countsLossesAnewAfterProgress() {
        bundle.claim();
        bundle.lose();
        bundle.claim();
        bundle.lose();
        bundle.checkpoint(bundle.claim(), 10);
        bundle.lose();
        bundle.claim();
        bundle.lose();
        bundle.claim();
        bundle.lose();
        assertThat(bundle.rows().status(job)).isEqualTo("queued");
        bundle.claim();
        bundle.lose();
        assertThat(bundle.rows().status(job)).isEqualTo("failed");
    }

    @Test
    void manySweepersAtOnceTakeEachJobBackOnce() throws Exception {
        IntStream.range(0, 20).forEach(i -> bundle.rows().queuedJob());
        IntStream.range(0, 21).forEach(i -> bundle.claim());
        bundle.rows().silence(bundle.worker());
        CyclicBarrier start = new CyclicBarrier(6);
        Callable<List<String>> sweep = () -> {
            start.await();
            return bundle.queue().sweep();
        };
        int taken = 0;
        try (ExecutorService threads = Executors.newFixedThreadPool(6)) {
            for (Future<List<String>> swept :
                    threads.invokeAll(IntStream.range(0, 6).mapToObj(i -> sweep).toList())) {
                taken += swept.get().size();
            }
        }
        assertThat(taken).isEqualTo(21);
        assertThat(bundle.jdbc()
                        .sql("select count(*) from job_attempt where outcome = 'lost'")
                        .query(Long.class)
                        .single())
                .isEqualTo(21);
    }

    @Test
    void renewingKeepsAJobAwayFromTheSweep() {
        Lease lease = bundle.claim();
        bundle.rows().silence(bundle.worker());
        bundle.queue().renew(lease, MINUTE);
        assertThat(bundle.queue().sweep()).isEmpty();
    }
}
