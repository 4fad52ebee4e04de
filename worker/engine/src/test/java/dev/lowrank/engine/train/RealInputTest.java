package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lowrank.engine.SharedData;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A real base and real chat rows, trained by us and by PEFT from the same first adapter. Runs where the shared data lies
 * beside the project and {@code LOWRANK_REFERENCE_PYTHON} names the Python of the reference environment.
 */
class RealInputTest {
    private static final int STEPS = 12;

    @TempDir
    private Path folder;

    private Path shared = Path.of("");

    @BeforeEach
    void findSharedData() {
        shared = SharedData.require("real").getParent();
    }

    @Test
    void everyStepAgreesWithPeftFromTheSameFirstAdapter() throws IOException, InterruptedException {
        String python = System.getenv("LOWRANK_REFERENCE_PYTHON");
        assumeTrue(python != null, "LOWRANK_REFERENCE_PYTHON names no reference environment");
        Path first = folder.resolve("first");
        run(spec("", 1), first, false);
        String spec = spec("\"initial_adapter\": \"%s\",".formatted(first), STEPS);
        Path ours = folder.resolve("ours");
        run(spec, ours, true);

        Path specFile = Files.writeString(folder.resolve("spec.json"), spec);
        Path theirs = folder.resolve("theirs");
        Process process = new ProcessBuilder(
                        python,
                        shared.resolve("oracle/peft_train.py").toString(),
                        specFile.toString(),
                        "--output",
                        theirs.toString())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("reference.log").toFile())
                .start();
        assertThat(process.waitFor(5, TimeUnit.MINUTES)).isTrue();
        assertThat(process.exitValue())
                .as(Files.readString(folder.resolve("reference.log")))
                .isZero();

        List<JsonNode> a = lines(ours);
        List<JsonNode> b = lines(theirs);
        assertThat(a).hasSameSizeAs(b).hasSize(STEPS);
        for (int s = 0; s < STEPS; s++) {
            assertThat(a.get(s).get("trained_tokens"))
                    .as("step " + s)
                    .isEqualTo(b.get(s).get("trained_tokens"));
            assertThat(a.get(s).get("loss").asDouble())
                    .as("step " + s)
                    .isCloseTo(b.get(s).get("loss").asDouble(), Percentage.withPercentage(0.1));
        }
        Conformance.assertAdaptersAgree(ours, theirs, 1e-2);
    }

    private void run(String spec, Path out, boolean train) {
        try (Kernels kernels = CpuKernels.open(2);
                TrainingRun run = TrainingRun.open(SpecJson.parse(spec).spec(), out, kernels)) {
            if (train) {
                assertThat(run.train(new RunControl() {})).isEqualTo(Ending.FINISHED);
            }
            run.writeOutput(out);
        }
    }

    private String spec(String more, int steps) {
        return """
                {"base_model": "%s", "training_file": "%s", "format": "chat", %s
                 "adapter": {"rank": 8, "alpha": 16},
                 "training": {"max_steps": %d, "micro_batch_size": 8, "gradient_accumulation": 2, "learning_rate": 0.001,
                              "schedule": "cosine", "warmup_steps": 3, "max_length": 256, "dtype": "float32"}}
                """.formatted(shared.resolve("real/tiny-english"), shared.resolve("real/e2e-train.jsonl"), more, steps);
    }

    private static List<JsonNode> lines(Path out) throws IOException {
        return Files.readAllLines(out.resolve("metrics.jsonl")).stream()
                .map(line -> JsonMapper.shared().readTree(line))
                .toList();
    }
}
