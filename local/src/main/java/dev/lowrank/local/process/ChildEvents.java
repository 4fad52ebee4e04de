package dev.lowrank.local.process;

import java.time.Duration;

/** What the owner of a child hears about it. Called from the child's own threads. */
public interface ChildEvents {
    /** Each line the child wrote, before secrets in it are masked for the log. */
    default void line(String child, String line) {}

    /** The child ended by itself and is started again after the wait. */
    default void restarting(String child, String ending, Duration wait) {}
}
