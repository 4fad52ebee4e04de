package dev.lowrank.local.process;

import java.time.Duration;

/** How long to wait before a program that ended is started again: longer each time, short again once it had lived. */
public final class Backoff {
    private static final Duration FIRST = Duration.ofMillis(300);
    private static final Duration LONGEST = Duration.ofSeconds(10);
    private static final Duration LONG_LIFE = Duration.ofSeconds(30);

    private Duration next = FIRST;

    /** The wait after a life of this length. */
    public Duration after(Duration life) {
        if (life.compareTo(LONG_LIFE) >= 0) {
            next = FIRST;
        }
        Duration wait = next;
        Duration doubled = wait.multipliedBy(2);
        next = doubled.compareTo(LONGEST) > 0 ? LONGEST : doubled;
        return wait;
    }
}
