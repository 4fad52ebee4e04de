package dev.lowrank.node;

import dev.lowrank.db.queue.Lease;
import org.jspecify.annotations.Nullable;
import org.springframework.batch.core.BatchStatus;
import org.springframework.batch.core.job.Job;
import org.springframework.batch.core.job.JobExecution;
import org.springframework.batch.core.job.builder.JobBuilder;
import org.springframework.batch.core.job.parameters.JobParameters;
import org.springframework.batch.core.job.parameters.JobParametersBuilder;
import org.springframework.batch.core.launch.JobOperator;
import org.springframework.batch.core.repository.JobRepository;
import org.springframework.batch.core.step.Step;
import org.springframework.stereotype.Component;

/**
 * Runs an attempt's phases as the steps of a Spring Batch job. Each attempt is an instance of its own (job and lease
 * token), so that nothing an earlier worker left behind can stand in the way; what a job has reached lies in our own
 * tables. {@code JobOperator.stop()} is never called: it writes a running step's row from another thread, and the loser of
 * that race cannot be restarted. No transaction is open while a phase works.
 */
@Component
final class BatchLauncher {
    private final JobOperator operator;
    private final JobRepository repository;

    BatchLauncher(JobOperator operator, JobRepository repository) {
        this.operator = operator;
        this.repository = repository;
    }

    /**
     * Runs the phases in the caller's thread until one fails or stops.
     *
     * @return what a phase, or Spring Batch itself, failed with; null if nothing failed
     */
    @Nullable
    Throwable run(Attempt attempt) {
        Job job = new JobBuilder("fine-tuning", repository)
                .start(step("prepare", attempt::prepare))
                .next(step("train", attempt::train))
                .next(step("evaluate", attempt::evaluate))
                .next(step("verify", attempt::verify))
                .next(step("register", attempt::register))
                .build();
        try {
            return failure(operator.start(job, parameters(attempt.lease())));
        } catch (Exception e) {
            return e;
        }
    }

    private Step step(String name, PhaseStep.Work work) {
        return new PhaseStep(name, repository, work);
    }

    private static JobParameters parameters(Lease lease) {
        return new JobParametersBuilder()
                .addString("job", lease.jobId())
                .addLong("lease", lease.token())
                .toJobParameters();
    }

    private static @Nullable Throwable failure(JobExecution execution) {
        if (execution.getStatus() == BatchStatus.COMPLETED || execution.getStatus() == BatchStatus.STOPPED) {
            return null;
        }
        return execution.getAllFailureExceptions().stream()
                .findFirst()
                .orElseGet(() -> new IllegalStateException("Spring Batch ended as " + execution.getStatus()));
    }
}
