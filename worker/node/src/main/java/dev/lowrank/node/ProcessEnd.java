package dev.lowrank.node;

/** Ends this process, for whoever watches over it to start another. */
@FunctionalInterface
interface ProcessEnd {
    /** Returns at once; the end comes when everything has been closed. */
    void begin();
}
