package dev.lowrank.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class GpuCheckCommandTest {
    @TempDir
    private Path folder;

    @Test
    void comparesEveryOperationAndWritesWhatItFound() throws IOException {
        Path file = folder.resolve("check.json");
        CommandLineRun run = CommandLineRun.of(
                "gpu-check",
                "--device",
                "cpu",
                "--seed",
                "5",
                "--times",
                "1",
                "--no-timing",
                "--output",
                file.toString());
        assertThat(run.code()).as(run.err()).isZero();
        assertThat(run.out())
                .contains("linearCrossEntropy", "attention with a window")
                .contains("comparisons agree.");
        JsonNode report = JsonMapper.shared().readTree(Files.readString(file));
        assertThat(report.get("failed").asInt()).isZero();
        assertThat(report.get("outcomes").size())
                .isEqualTo(report.get("comparisons").asInt())
                .isGreaterThan(80);
        assertThat(report.get("outcomes").get(0).get("seed").asLong()).isEqualTo(5);
        assertThat(report.has("timings")).isFalse();
    }

    @Test
    void aGpuThatIsNotThereIsOneSentence() {
        CommandLineRun run = CommandLineRun.of("gpu-check", "--device", "cuda:999");
        assertThat(run.code()).isOne();
        assertThat(run.err()).startsWith("lowrank: There is no ").hasLineCount(1);
    }
}
