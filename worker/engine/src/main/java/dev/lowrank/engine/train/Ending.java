package dev.lowrank.engine.train;

/** How a call of {@link TrainingRun#train} came to its end. */
public enum Ending {
    /** The last optimizer step is done. */
    FINISHED,
    /** It was asked to stop; a checkpoint holds everything up to the last completed optimizer step. */
    STOPPED
}
