package dev.lowrank.engine.train;

/** How a call of {@link TrainingRun#train} came to its end. */
public enum Ending {
    /** The last optimizer step is done. */
    FINISHED,
    /** The validation loss has not fallen for as long as {@code early_stopping} allows; the run is complete. */
    STOPPED_EARLY,
    /** It was asked to stop; a checkpoint holds everything up to the last completed optimizer step. */
    STOPPED;

    /** Whether there is nothing left to train. */
    public boolean complete() {
        return this != STOPPED;
    }
}
