package dev.lowrank.db.queue;

import static dev.lowrank.db.queue.QueueBundle.MINUTE;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ClaimTest {
    private final QueueBundle bundle = QueueBundle.create();

    @Test
    void givesEachOfManyJobsToExactlyOneOfManyThreads() throws Exception {
        List<String> jobs =
                IntStream.range(0, 200).mapToObj(i -> bundle.rows().queuedJob()).toList();
        CyclicBarrier start = new CyclicBarrier(8);
        Callable<List<Lease>> claimAll = () -> {
            List<Lease> leases = new ArrayList<>();
            start.await();
            for (Optional<Lease> lease = claimNext(); lease.isPresent(); lease = claimNext()) {
                leases.add(lease.get());
            }
            return leases;
        };
        List<Lease> leases = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
            for (Future<List<Lease>> claimed : threads.invokeAll(
                    IntStream.range(0, 8).mapToObj(i -> claimAll).toList())) {
                leases.addAll(claimed.get());
            }
        }
        assertThat(leases).extracting(Lease::jobId).containsExactlyInAnyOrderElementsOf(jobs);
        assertThat(leases).extracting(Lease::token).doesNotHaveDuplicates();
        assertThat(bundle.rows().count("job_attempt")).isEqualTo(200);
    }

    @Test
    void takesTheHighestPriorityFirstAndThenTheOldest() {
        String first = bundle.rows().queuedJob();
        String second = bundle.rows().queuedJob();
        String urgent = bundle.rows().queuedJob();
        bundle.rows().update(urgent, "priority = 1");
        assertThat(List.of(
                        bundle.claim().jobId(),
                        bundle.claim().jobId(),
                        bundle.claim().jobId()))
                .containsExactly(urgent, first, second);
        assertThat(claimNext()).isEmpty();
    }

    @Test
    void leavesAJobWhoseCancellationWasAskedFor() {
        bundle.rows().askToCancel(bundle.rows().queuedJob());
        assertThat(claimNext()).isEmpty();
    }

    @Test
    void opensAnAttemptFromTheNewestCheckpoint() {
        String job = bundle.rows().queuedJob();
        Lease first = bundle.claim();
        assertThat(first.attempt()).isEqualTo(1);
        assertThat(first.fromStep()).isZero();
        assertThat(bundle.rows().job(job)).containsEntry("status", "running").containsEntry("phase", "prepare");
        bundle.checkpoint(first, 20);
        bundle.checkpoint(first, 10);
        bundle.lose();
        Lease second = bundle.claim();
        assertThat(second.attempt()).isEqualTo(2);
        assertThat(second.fromStep()).isEqualTo(20);
        assertThat(second.token()).isGreaterThan(first.token());
        assertThat(bundle.rows().messages(job))
                .startsWith("Fine-tuning job started")
                .endsWith("Fine-tuning job goes on from the checkpoint at step 20 (attempt 2)");
    }

    @Test
    void tellsWhatTheJobIsToDo() {
        String job = bundle.rows().queuedJob("tiny", "file-train", "{\"format\": \"chat\"}");
        bundle.rows().update(job, "suffix = 'support'");
        Assignment assignment = bundle.queue().assignment(bundle.claim());
        assertThat(assignment.jobId()).isEqualTo(job);
        assertThat(assignment.organizationId()).isEqualTo("org-acme");
        assertThat(assignment.suffix()).isEqualTo("support");
        assertThat(assignment.spec()).isEqualTo("{\"format\": \"chat\"}");
        assertThat(assignment.base()).isEqualTo(new Assignment.Base("tiny", "/models/tiny", "a".repeat(64)));
        assertThat(assignment.trainingSha256()).isEqualTo("a".repeat(64));
        assertThat(assignment.validationSha256()).isNull();
    }

    @Test
    void tellsThatTheBaseIsUnknown() {
        bundle.rows().queuedJob("gone", "file-train", "{}");
        assertThat(bundle.queue().assignment(bundle.claim()).base()).isNull();
    }

    private Optional<Lease> claimNext() {
        return bundle.queue().claim(bundle.worker(), MINUTE);
    }
}
