package dev.lowrank.node;

/** Why an attempt has to stop; one that comes later in this list replaces one that came before. */
enum Signal {
    NONE,
    /** The process was told to end: checkpoint, and hand the job back. */
    SHUTDOWN,
    /** The job's owner cancelled it: checkpoint, and end it. */
    CANCEL,
    /** Somebody else may have the job: stop, and write nothing more. */
    LOST
}
