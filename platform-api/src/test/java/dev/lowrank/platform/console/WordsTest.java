package dev.lowrank.platform.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

class WordsTest {
    @Test
    void durationsAreSaidInTheirTwoLargestUnits() {
        assertThat(List.of(-3L, 59L, 60L, 200L, 7260L, 90_000L).stream()
                        .map(Duration::ofSeconds)
                        .map(Words::duration))
                .containsExactly("0 s", "59 s", "1 min", "3 min 20 s", "2 h 1 min", "1 d 1 h");
    }

    @Test
    void sizesAreSaidInTheirLargestUnit() {
        assertThat(List.of(0L, 999L, 1000L, 4_305_412L, 3_000_000_000L).stream().map(Words::bytes))
                .containsExactly("0 bytes", "999 bytes", "1.0 KB", "4.3 MB", "3.0 GB");
    }

    @Test
    void momentsAreInUniversalTime() {
        assertThat(Words.moment(Instant.parse("2026-11-20T22:08:01Z"))).isEqualTo("20 Nov 2026, 22:08 UTC");
    }

    @Test
    void aLossThatIsNoNumberIsCalledSo() {
        assertThat(Words.loss(Double.NaN)).isEqualTo("not finite");
        assertThat(Words.loss(null)).isEqualTo("–");
    }

    @Test
    void settingsCarryTheReasonsOfWhatWasLeftOut() {
        List<Setting> settings = Setting.of("""
                {"training": {"learning_rate": 2E-4, "epsilon": 1e-8, "betas": [0.9, 0.999]}, "method": "lora"}""", """
                [{"field": "method", "value": "lora", "reason": "trains least"}]""");

        assertThat(settings)
                .containsExactly(
                        new Setting("method", "lora", false, "trains least"),
                        new Setting("training.betas", "0.9, 0.999", true, "chosen for this job"),
                        new Setting("training.epsilon", "1E-8", true, "chosen for this job"),
                        new Setting("training.learning_rate", "0.0002", true, "chosen for this job"));
    }
}
