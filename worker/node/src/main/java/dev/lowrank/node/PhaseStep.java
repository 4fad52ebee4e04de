package dev.lowrank.node;

import org.springframework.batch.core.repository.JobRepository;
import org.springframework.batch.core.step.AbstractStep;
import org.springframework.batch.core.step.StepExecution;

/**
 * One phase as a step. Not a tasklet, because a tasklet's work runs inside a transaction's scope, even with a manager
 * that has none: every connection it borrows would stay bound to the training thread for as long as the phase lasts.
 */
final class PhaseStep extends AbstractStep {
    private final Work work;

    /** A phase; false ends the job before the next one. */
    interface Work {
        boolean goOn();
    }

    PhaseStep(String name, JobRepository repository, Work work) {
        super(repository);
        setName(name);
        this.work = work;
    }

    /** Stops through its own execution; a stop from another thread would write the same row. */
    @Override
    protected void doExecute(StepExecution execution) {
        if (!work.goOn()) {
            execution.setTerminateOnly();
        }
    }
}
