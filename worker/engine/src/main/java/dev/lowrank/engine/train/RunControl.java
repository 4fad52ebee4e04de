package dev.lowrank.engine.train;

/** What a training run tells, and asks, whoever started it. All calls come from the training thread. */
public interface RunControl {
    /** Polled between micro-batches; true ends the run with a checkpoint of the last completed optimizer step. */
    default boolean stopRequested() {
        return false;
    }

    /** An optimizer step is done. */
    default void stepped(StepMetrics metrics) {}

    /**
     * An optimizer step was due and nothing could be learnt from it.
     *
     * @param step optimizer steps completed, this one included
     * @param reason a stable word, such as {@link StepMetrics#ALL_MASKED}
     */
    default void skipped(int step, String reason) {}

    /** The validation rows are about to be judged, which takes as long as it takes. */
    default void evaluating(StepMetrics newest) {}

    /** The validation rows have been judged. */
    default void evaluated(Validation validation) {}

    /** The run ends before its last step; the reason is one sentence. */
    default void stoppedEarly(String reason) {}

    /** A checkpoint is complete on the disk: every file synced, its DONE marker last. */
    default void checkpointed(CheckpointFolder checkpoint) {}
}
