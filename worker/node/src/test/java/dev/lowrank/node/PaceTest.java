package dev.lowrank.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class PaceTest {
    private final Pace pace = new Pace();

    @Test
    void knowsNothingBeforeTheFirstStep() {
        assertThat(pace.remaining(10)).isNull();
        assertThat(pace.nextWithin()).isEqualTo(Duration.ofMinutes(30));
    }

    @Test
    void waitsManyTimesTheSlowestStep() {
        pace.stepped(Duration.ofMinutes(2).toNanos());
        pace.stepped(Duration.ofSeconds(1).toNanos());
        assertThat(pace.nextWithin()).isEqualTo(Duration.ofMinutes(40));
    }

    @Test
    void waitsAtLeastTenMinutes() {
        pace.stepped(1);
        assertThat(pace.nextWithin()).isEqualTo(Duration.ofMinutes(10));
    }

    @Test
    void tellsTheTimeLeftFromTheUsualStep() {
        pace.stepped(Duration.ofSeconds(2).toNanos());
        pace.stepped(Duration.ofSeconds(2).toNanos());
        assertThat(pace.remaining(30)).isEqualTo(Duration.ofMinutes(1));
    }
}
