package dev.lowrank.local;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.local.process.ChildEvents;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class StartupLinesTest {
    private final List<String> restarts = new ArrayList<>();
    private final StartupLines lines = new StartupLines(new ChildEvents() {
        @Override
        public void restarting(String child, String ending, Duration wait) {
            restarts.add(child);
        }
    });

    @Test
    void takesTheKeyFromWhateverLineNamesIt() {
        lines.line("api", "Started in 3 seconds");
        assertThat(lines.bootstrapKey()).isEmpty();
        lines.line("api", "Your key: lr_0123456789-abcdefghij_KLMN (shown once)");
        assertThat(lines.bootstrapKey()).contains("lr_0123456789-abcdefghij_KLMN");
    }

    @Test
    void workerIsReadyWhenItsOwnLineSaysSo() {
        lines.line("worker-2", "2026-11-20 INFO Worker worker-9f3 is ready: cpu");
        assertThat(lines.isReady("worker-2")).isTrue();
        assertThat(lines.isReady("worker-1")).isFalse();
    }

    @Test
    void deathsAreToldOnlyOnceEverythingWasUp() {
        lines.restarting("api", "ended with exit code 1", Duration.ZERO);
        lines.started();
        lines.restarting("worker-1", "ended with exit code 137", Duration.ZERO);
        assertThat(restarts).containsExactly("worker-1");
    }
}
