package dev.lowrank.local.demo;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.local.terminal.Terminal;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProgressLineTest {
    private static final Progress HALF = new Progress(50, 100, List.of(4.0, 2.0, 1.0), 8123.4, 65.2);

    @Test
    void showsBarNumbersTimeLeftAndCurve() {
        assertThat(line(100).drawn(HALF))
                .isEqualTo("  Training " + "━".repeat(16) + "─".repeat(16)
                        + " 50/100  loss 1.000  8123 tokens/s  1:05 left █▃▁");
    }

    @Test
    void fitsANarrowTerminalByLeavingTheCurveOut() {
        String drawn = line(60).drawn(HALF);
        assertThat(drawn).doesNotContain("█").contains("1:05 left");
        assertThat(drawn.length()).isLessThanOrEqualTo(66);
    }

    @Test
    void unknownTotalIsSaidSo() {
        assertThat(line(100).plain(new Progress(3, 0, List.of(0.05), null, null)))
                .isEqualTo("  step 3/?  loss 0.0500");
    }

    @Test
    void barIsFullAtTheEndAndNeverLonger() {
        assertThat(line(100).drawn(new Progress(120, 100, List.of(), null, null)))
                .contains("━".repeat(32));
    }

    private static ProgressLine line(int columns) {
        return new ProgressLine(new Terminal(System.out, System.err, true, false, columns));
    }
}
