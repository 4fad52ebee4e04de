package dev.lowrank.local;

import java.io.IOException;
import java.time.Duration;

/** Waiting for something that can only be asked, such as another process's state. */
final class Waiting {
    private static final Duration PAUSE = Duration.ofMillis(60);

    private Waiting() {}

    /** A question whose answer another process gives. */
    interface Question {
        boolean isTrue() throws IOException, InterruptedException;
    }

    /** Whether the answer became yes in time. */
    static boolean until(Question question, Duration limit) throws IOException, InterruptedException {
        long deadline = System.nanoTime() + limit.toNanos();
        while (!question.isTrue()) {
            if (System.nanoTime() > deadline) {
                return false;
            }
            Thread.sleep(PAUSE);
        }
        return true;
    }
}
