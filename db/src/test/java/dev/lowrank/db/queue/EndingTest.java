package dev.lowrank.db.queue;

import static dev.lowrank.db.queue.QueueBundle.metric;
import static dev.lowrank.db.queue.QueueBundle.result;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class EndingTest {
    private final QueueBundle bundle = QueueBundle.create();
    private final JobEnding ending = bundle.ending();
    private final String job = bundle.rows().queuedJob();

    @Test
    void successRegistersAVersionAndEndsTheJob() {
        Lease lease = bundle.claim();
        bundle.reports().metrics(lease, List.of(metric(1, 2.0), metric(2, 1.0)));
        assertThat(ending.succeeded(lease, result("ft:tiny:acme::abc", "support")))
                .isTrue();
        assertThat(bundle.rows().job(job))
                .containsEntry("status", "succeeded")
                .containsEntry("fine_tuned_model", "ft:tiny:acme::abc")
                .containsEntry("trained_tokens", 200L)
                .containsEntry("lease_token", null);
        assertThat(bundle.jdbc().sql("""
                                select a.name || ' ' || v.number || ' ' || v.bytes || ' ' || f.filename || ' ' || f.purpose
                                from adapter_version v join adapter a on a.id = v.adapter_id
                                join fine_tuning_job j on j.id = v.job_id join file f on f.id = j.result_file
                                """).query(String.class).single())
                .isEqualTo("support 1 5 step_metrics.csv fine-tune-results");
        assertThat(bundle.rows().messages(job))
                .endsWith("New fine-tuned model created: ft:tiny:acme::abc", "The job has successfully completed");
        assertThat(bundle.rows().outcomes(job)).containsExactly("succeeded");
    }

    @Test
    void versionsOfOneNameAreNumberedAndAnotherBaseGetsItsOwnAdapter() {
        ending.succeeded(bundle.claim(), result("ft:1", "support"));
        bundle.rows().queuedJob();
        ending.succeeded(bundle.claim(), result("ft:2", "support"));
        bundle.rows().base("big/One", "/models/big", "e".repeat(64));
        bundle.rows().queuedJob("big/One", "file-train", "{}");
        Result other = result("ft:3", "support");
        ending.succeeded(
                bundle.claim(),
                new Result(
                        "ft:3",
                        "support",
                        other.output(),
                        "big/One",
                        "e".repeat(64),
                        "{}",
                        "{}",
                        "{}",
                        other.stepMetrics()));
        assertThat(bundle.jdbc()
                        .sql("select a.name || ' ' || v.number from adapter_version v "
                                + "join adapter a on a.id = v.adapter_id order by v.created_at")
                        .query(String.class)
                        .list())
                .containsExactly("support 1", "support 2", "support-big-one 1");
    }

    @Test
    void nothingIsRegisteredWhenOnePartIsRefused() {
        Lease lease = bundle.claim();
        Result result = result("ft:1", "Not A Name");
        assertThatThrownBy(() -> ending.succeeded(lease, result)).hasMessageContaining("adapter_name_form");
        assertThat(bundle.rows().outcomes(job)).containsExactly("open");
        assertThat(bundle.rows().count("blob")).isEqualTo(1);
    }

    @Test
    void aCancelAskedForBeforeTheEndWins() {
        Lease lease = bundle.claim();
        bundle.rows().askToCancel(job);
        assertThat(ending.succeeded(lease, result("ft:1", "support"))).isFalse();
        assertThat(ending.succeeded(lease, result("ft:1", "support"))).isFalse();
        assertThat(bundle.rows().status(job)).isEqualTo("cancelled");
        assertThat(bundle.rows().outcomes(job)).containsExactly("cancelled");
        assertThat(bundle.rows().count("adapter_version")).isZero();
    }

    @Test
    void failureTellsCodeMessageAndParam() {
        ending.failed(bundle.claim(), new Failure("invalid_training_file", "Line 3 is empty.", "training_file"));
        assertThat(bundle.rows().job(job))
                .containsEntry("status", "failed")
                .containsEntry("error_code", "invalid_training_file")
                .containsEntry("error_message", "Line 3 is empty.")
                .containsEntry("error_param", "training_file");
    }

    @Test
    void aFaultThatMayPassIsTriedAgainTwice() {
        Failure fault = new Failure("internal_error", "It broke.", null);
        for (int i = 0; i < 2; i++) {
            ending.failedForNow(bundle.claim(), fault, 2);
            assertThat(bundle.rows().status(job)).isEqualTo("queued");
        }
        ending.failedForNow(bundle.claim(), fault, 2);
        assertThat(bundle.rows().status(job)).isEqualTo("failed");
        assertThat(bundle.rows().outcomes(job)).containsExactly("failed", "failed", "failed");
    }

    @Test
    void preemptionIsNotCountedAgainstTheJob() {
        for (int i = 0; i < 5; i++) {
            ending.preempted(bundle.claim(), "its worker shuts down");
        }
        bundle.claim();
        bundle.lose();
        assertThat(bundle.rows().status(job)).isEqualTo("queued");
        assertThat(bundle.rows().messages(job))
                .contains("Attempt 1 was interrupted: its worker shuts down. The job will start again.");
    }

    @Test
    void aPreemptedJobKeepsItsPlaceInTheQueue() {
        String later = bundle.rows().queuedJob();
        ending.preempted(bundle.claim(), "its worker shuts down");
        assertThat(bundle.claim().jobId()).isEqualTo(job);
        assertThat(bundle.claim().jobId()).isEqualTo(later);
    }

    @Test
    void nobodyCancelsAJobUnasked() {
        Lease lease = bundle.claim();
        assertThatThrownBy(() -> ending.cancelled(lease)).isInstanceOf(IllegalStateException.class);
        assertThat(bundle.rows().outcomes(job)).containsExactly("open");
    }
}
