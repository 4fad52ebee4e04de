package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.SafetensorsFile;
import dev.lowrank.engine.model.Precision;
import dev.lowrank.engine.model.TokenBatch;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.engine.tape.Value;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The engine computes what PyTorch, transformers and PEFT computed on the fixture of {@code make_llama_fixture.py}. */
class ReferenceFixtureTest {
    private static final Path FIXTURE = Path.of("src/test/resources/fixtures/llama-tiny");

    @TempDir
    private Path folder;

    @Test
    void logitsAgreeForSeveralSequencesInOneBatch() throws IOException {
        List<int[]> rows = rows(3);
        try (Kernels kernels = CpuKernels.open(2);
                Workspace scratch = kernels.workspace();
                ModelFolder model = ModelFolder.open(FIXTURE.resolve("model"));
                Transformer llama = Transformer.load(model, Precision.FROZEN, kernels);
                SafetensorsFile reference = SafetensorsFile.open(FIXTURE.resolve("forward.safetensors"))) {
            Tape tape = Tape.forwardOnly(kernels, scratch);
            Value hidden = llama.hidden(tape, TokenBatch.of(rows));
            Tensor logits = llama.logits(tape, hidden, 0);
            int from = 0;
            for (int k = 0; k < rows.size(); k++) {
                float[] ours =
                        new float[rows.get(k).length * llama.architecture().vocabulary()];
                kernels.download(logits.slice(from, rows.get(k).length), ours, 0);
                assertThat(Conformance.largestDifference(ours, reference.floats("logits." + k), ours.length))
                        .isLessThan(1e-4);
                from += rows.get(k).length;
            }
        }
    }

    @Test
    void loraTrainingAgreesAtEveryStep() throws IOException {
        train(spec(
                "lora",
                "linear",
                5e-3,
                "\"initial_adapter\": \"%s\",".formatted(FIXTURE.resolve("initial-adapter")),
                "float32"));
        Conformance.assertTraceAgrees(folder.resolve("metrics.jsonl"), trace("lora-trace.json"), "learning_rate");
        Conformance.assertAdaptersAgree(folder, FIXTURE.resolve("trained-adapter"), 1e-3);
    }

    @Test
    void fullTrainingAgreesAtEveryStepWithTiedEmbeddings() throws IOException {
        train(spec("full", "cosine", 1e-3, "", "float32"));
        Conformance.assertTraceAgrees(folder.resolve("metrics.jsonl"), trace("full-trace.json"), "learning_rate");
    }

    @Test
    void loraTrainingInBf16StaysNearAtEveryStep() throws IOException {
        train(spec(
                "lora",
                "linear",
                5e-3,
                "\"initial_adapter\": \"%s\",".formatted(FIXTURE.resolve("initial-adapter")),
                "bfloat16"));
        Conformance.assertLossesAreNear(folder.resolve("metrics.jsonl"), trace("lora-trace.json"));
    }

    @Test
    void fullTrainingInBf16StaysNearAtEveryStep() throws IOException {
        train(spec("full", "cosine", 1e-3, "", "bfloat16"));
        Conformance.assertLossesAreNear(folder.resolve("metrics.jsonl"), trace("full-trace.json"));
    }

    private void train(String spec) {
        try (Kernels kernels = CpuKernels.open(2);
                TrainingRun run = TrainingRun.open(SpecJson.parse(spec).spec(), folder, kernels)) {
            assertThat(run.train(new RunControl() {})).isEqualTo(Ending.FINISHED);
            run.writeOutput(folder);
        }
    }

    private static String spec(String method, String schedule, double rate, String more, String dtype) {
        return """
                {"base_model": "%s", "training_file": "%s", "format": "tokenized", "method": "%s", %s
                 "training": {"epochs": 4, "max_steps": 8, "micro_batch_size": 3, "gradient_accumulation": 2,
                              "learning_rate": %s, "schedule": "%s", "warmup_steps": 2, "weight_decay": 0.01,
                              "dtype": "%s"}}
                """.formatted(
                        FIXTURE.resolve("model"), FIXTURE.resolve("rows.jsonl"), method, more, rate, schedule, dtype);
    }

    private static JsonNode trace(String name) throws IOException {
        return JsonMapper.shared().readTree(Files.readString(FIXTURE.resolve(name)));
    }

    private static List<int[]> rows(int count) throws IOException {
        List<int[]> rows = new ArrayList<>();
        for (String line : Files.readAllLines(FIXTURE.resolve("rows.jsonl")).subList(0, count)) {
            JsonNode ids = JsonMapper.shared().readTree(line).get("input_ids");
            int[] row = new int[ids.size()];
            for (int i = 0; i < row.length; i++) {
                row[i] = ids.get(i).asInt();
            }
            rows.add(row);
        }
        return rows;
    }
}
