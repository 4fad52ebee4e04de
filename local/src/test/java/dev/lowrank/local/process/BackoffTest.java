package dev.lowrank.local.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class BackoffTest {
    private static final Duration SHORT_LIFE = Duration.ofSeconds(1);

    @Test
    void waitsDoubleUpToTenSeconds() {
        Backoff backoff = new Backoff();
        assertThat(backoff.after(SHORT_LIFE)).isEqualTo(Duration.ofMillis(300));
        assertThat(backoff.after(SHORT_LIFE)).isEqualTo(Duration.ofMillis(600));
        for (int i = 0; i < 10; i++) {
            backoff.after(SHORT_LIFE);
        }
        assertThat(backoff.after(SHORT_LIFE)).isEqualTo(Duration.ofSeconds(10));
    }

    @Test
    void programThatHadLivedComesBackAtOnce() {
        Backoff backoff = new Backoff();
        backoff.after(SHORT_LIFE);
        backoff.after(SHORT_LIFE);
        assertThat(backoff.after(Duration.ofMinutes(1))).isEqualTo(Duration.ofMillis(300));
    }
}
