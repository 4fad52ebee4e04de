package dev.lowrank.db.queue;

import java.time.Duration;

/** Durations as the SQL takes them. */
final class Seconds {
    private Seconds() {}

    static double of(Duration duration) {
        return duration.toMillis() / 1000.0;
    }
}
