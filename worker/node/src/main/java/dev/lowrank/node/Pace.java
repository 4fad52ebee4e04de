package dev.lowrank.node;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** How fast optimizer steps come: when the next must be there, and when the last will be. */
final class Pace {
    private static final Duration FIRST_STEP = Duration.ofMinutes(30);
    private static final Duration SHORTEST_PATIENCE = Duration.ofMinutes(10);
    private static final int PATIENCE = 20;
    private static final double NEWEST = 0.1;

    private long slowest;
    private double usual;
    private boolean started;

    /** @param nanos time the step took */
    void stepped(long nanos) {
        slowest = Math.max(slowest, nanos);
        usual = started ? (1 - NEWEST) * usual + NEWEST * nanos : nanos;
        started = true;
    }

    /** After this long without a step the work counts as stuck: many times the slowest step, so that saving fits in. */
    Duration nextWithin() {
        if (!started) {
            return FIRST_STEP;
        }
        Duration patience = Duration.ofNanos(slowest).multipliedBy(PATIENCE);
        return patience.compareTo(SHORTEST_PATIENCE) > 0 ? patience : SHORTEST_PATIENCE;
    }

    /** Time that the given number of steps will take, or null before the first. */
    @Nullable
    Duration remaining(int steps) {
        return started ? Duration.ofNanos(Math.round(usual * steps)) : null;
    }
}
