package dev.lowrank.node;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class TrustTest {
    private final AtomicLong clock = new AtomicLong(Long.MAX_VALUE - 5);
    private final Trust trust = new Trust(Duration.ofSeconds(30), clock::get);

    @Test
    void endsAfterTwoThirdsOfTheLease() {
        pass(19_999);
        assertThat(trust.holds()).isTrue();
        pass(1);
        assertThat(trust.holds()).isFalse();
    }

    @Test
    void isCountedFromWhenTheRenewalWasSent() {
        long sent = trust.now();
        pass(15_000);
        trust.renewed(sent);
        pass(5_000);
        assertThat(trust.holds()).isFalse();
    }

    @Test
    void comesBackWithALateRenewal() {
        pass(60_000);
        trust.renewed(trust.now());
        assertThat(trust.holds()).isTrue();
    }

    private void pass(long millis) {
        clock.addAndGet(Duration.ofMillis(millis).toNanos());
    }
}
