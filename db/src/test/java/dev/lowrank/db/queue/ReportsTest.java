package dev.lowrank.db.queue;

import static dev.lowrank.db.queue.QueueBundle.MINUTE;
import static dev.lowrank.db.queue.QueueBundle.checkpointAt;
import static dev.lowrank.db.queue.QueueBundle.metric;
import static dev.lowrank.db.queue.QueueBundle.progress;
import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ReportsTest {
    private final QueueBundle bundle = QueueBundle.create();
    private final JobReports reports = bundle.reports();
    private final String job = bundle.rows().queuedJob();
    private Lease lease;

    @BeforeEach
    void claim() {
        lease = bundle.claim();
    }

    @Test
    void progressShowsOnTheJobAndPutsOffItsDeadline() {
        reports.progress(lease, new Progress(Phase.TRAIN, 3, 10, Duration.ofHours(2), Duration.ofMinutes(5)));
        assertThat(bundle.rows().job(job))
                .containsEntry("phase", "train")
                .containsEntry("step", 3)
                .containsEntry("total_steps", 10);
        assertThat(bundle.jdbc().sql("""
                                select a.progress_due_at > clock_timestamp() + interval '119 min'
                                    and j.estimated_finish between clock_timestamp() + interval '4 min'
                                        and clock_timestamp() + interval '6 min'
                                from job_attempt a join fine_tuning_job j on j.id = a.job_id
                                """).query(Boolean.class).single()).isTrue();
        reports.progress(lease, new Progress(Phase.EVALUATE, 10, null, MINUTE, null));
        assertThat(bundle.rows().job(job)).containsEntry("total_steps", 10).containsEntry("estimated_finish", null);
    }

    @Test
    void progressAndRenewalTellThatACancellationWasAskedFor() {
        assertThat(reports.progress(lease, progress(Phase.TRAIN, 1))).isFalse();
        assertThat(bundle.queue().renew(lease, MINUTE)).isFalse();
        bundle.rows().askToCancel(job);
        assertThat(reports.progress(lease, progress(Phase.TRAIN, 2))).isTrue();
        assertThat(bundle.queue().renew(lease, MINUTE)).isTrue();
    }

    @Test
    void metricsOfAStepTrainedAgainReplaceTheFirst() {
        reports.metrics(lease, List.of(metric(1, 3.0), metric(2, 2.5)));
        reports.metrics(lease, List.of(metric(2, 2.25), metric(3, null)));
        reports.heldOut(lease, 3, 1.5, 0.75);
        assertThat(reports.metrics(lease))
                .containsExactly(
                        metric(1, 3.0), metric(2, 2.25), new Metric(3, null, 0.5, 1e-4, 100, 1000.0, 0.25, 1.5, 0.75));
    }

    @Test
    void eventsKeepTheirOrderLevelAndData() {
        reports.event(lease, JobEvent.warn("careful"));
        reports.event(lease, JobEvent.metrics("Step 1: training loss=2.00", "{\"step\": 1}"));
        assertThat(bundle.jdbc()
                        .sql("select level || ' ' || type || ' ' || message || coalesce(data::text, '') "
                                + "from job_event order by sequence")
                        .query(String.class)
                        .list())
                .containsExactly(
                        "info message Fine-tuning job started",
                        "warn message careful",
                        "info metrics Step 1: training loss=2.00{\"step\": 1}");
    }

    @Test
    void checkpointsAreListedNewestFirstUntilRemoved() {
        reports.checkpoint(lease, checkpointAt(10));
        reports.checkpoint(lease, checkpointAt(20));
        reports.checkpoint(lease, checkpointAt(30));
        reports.checkpointRemoved(lease, 10);
        assertThat(reports.checkpoints(lease)).extracting(Checkpoint::step).containsExactly(30, 20);
        assertThat(bundle.rows().messages(job)).contains("Checkpoint created at step 20");
    }

    @Test
    void aStepCheckpointedAgainKeepsItsId() {
        reports.checkpoint(lease, checkpointAt(10));
        String id = id();
        reports.checkpointRemoved(lease, 10);
        reports.checkpoint(lease, new Checkpoint(10, "runs/other", QueueBundle.SHA, 11, "{}"));
        assertThat(id()).isEqualTo(id);
        assertThat(reports.checkpoints(lease)).extracting(Checkpoint::directory).containsExactly("runs/other");
    }

    private String id() {
        return bundle.jdbc()
                .sql("select id from checkpoint")
                .query(String.class)
                .single();
    }
}
