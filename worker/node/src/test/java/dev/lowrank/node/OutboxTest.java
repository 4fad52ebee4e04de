package dev.lowrank.node;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.db.queue.Metric;
import org.junit.jupiter.api.Test;

class OutboxTest {
    private final Outbox outbox = new Outbox();

    @Test
    void inALongOutageTheOldestFiguresGoFirst() {
        for (int step = 1; step <= Outbox.MOST_METRICS + 3; step++) {
            outbox.metric(new Metric(step, 1.0, 1.0, 1e-4, 10, 100.0, 0.5, null, null));
        }
        assertThat(outbox.waiting()).isEqualTo(Outbox.MOST_METRICS);
        assertThat(outbox.dropped()).isEqualTo(3);
    }

    @Test
    void checkpointsAndEventsAreNeverLeftOut() {
        for (int i = 0; i < 20_000; i++) {
            outbox.write((reports, lease) -> {});
        }
        int[] written = new int[1];
        outbox.writeIfRoom((reports, lease) -> written[0]++);
        outbox.write((reports, lease) -> written[0] += 10);
        outbox.flush(null, null);
        assertThat(written[0]).isEqualTo(10);
        assertThat(outbox.isEmpty()).isTrue();
    }
}
