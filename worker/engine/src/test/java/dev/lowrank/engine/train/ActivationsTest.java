package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.spec.LoraSpec;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The formula against what the workspace really held. */
class ActivationsTest {
    @TempDir
    private Path folder;

    /** @param bytes by the formula; peak and reserved as measured */
    private record Measured(long bytes, long peak, long reserved, BaseMemory base, long baseReserved) {}

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"method\": \"lora\", \"adapter\": {\"rank\": 3, \"dropout\": 0.1}",
                "\"method\": \"lora\", \"adapter\": {\"rank\": 16}",
                "\"method\": \"lora\", \"adapter\": {\"rank\": 3, \"target_modules\": [\"q_proj\", \"v_proj\"], \"layers\": [1]}",
                "\"method\": \"lora\", \"adapter\": {\"rank\": 3, \"dora\": true, \"dropout\": 0.1}",
                "\"method\": \"qlora\", \"adapter\": {\"rank\": 3}",
                "\"method\": \"full\"",
                "\"method\": \"bottleneck\", \"adapter\": {\"size\": 8}",
                "\"method\": \"prefix-tuning\", \"adapter\": {\"virtual_tokens\": 4}",
                "\"method\": \"prompt-tuning\", \"adapter\": {\"virtual_tokens\": 4}",
                "\"method\": \"ia3\""
            })
    void formulaIsRightForEveryMethod(String method) throws IOException {
        for (boolean checkpointing : new boolean[] {false, true}) {
            Measured measured = measure(TinyRun.FIXTURE, method, 10, checkpointing);
            assertThat(measured.bytes)
                    .as("%s, checkpointing %s", method, checkpointing)
                    .isCloseTo(measured.peak, Percentage.withPercentage(10));
        }
    }

    @Test
    void formulaIsRightForShapesOfRealModels() throws IOException {
        ShapedModel.SMOLLM_LIKE.write(folder.resolve("model"));
        ShapedModel.SMOLLM_LIKE.writeRows(folder.resolve("rows.jsonl"), 2, 200);
        String method = "\"method\": \"qlora\", \"adapter\": {\"rank\": 8, \"dropout\": 0.05}";
        Measured kept = measure(folder, method, 2, false);
        Measured again = measure(folder, method, 2, true);
        for (Measured measured : new Measured[] {kept, again}) {
            assertThat(measured.bytes).isCloseTo(measured.peak, Percentage.withPercentage(5));
            assertThat(MemoryPlan.reserved(measured.bytes)).isCloseTo(measured.reserved, Percentage.withPercentage(30));
            assertThat(measured.base.bytes()).isCloseTo(measured.baseReserved, Percentage.withPercentage(30));
            assertThat(measured.base.bitsPerParameter()).isBetween(4.126, 4.13);
        }
        assertThat(again.peak).isLessThan(kept.peak * 6 / 10);
    }

    private static Measured measure(Path at, String method, int rows, boolean checkpointing) throws IOException {
        TrainingSpec spec = SpecJson.parse(
                        "{\"base_model\": \"%s\", \"training_file\": \"%s\", \"format\": \"tokenized\", %s}"
                                .formatted(at.resolve("model"), at.resolve("rows.jsonl"), method))
                .spec();
        try (Kernels kernels = CpuKernels.open(2);
                ModelFolder base = ModelFolder.open(Path.of(spec.baseModel()));
                Trainee trainee = Trainee.prepare(spec, base, DType.F32, kernels);
                PeakWorkspace scratch = new PeakWorkspace(kernels.workspace())) {
            Dataset data = Dataset.load(Path.of(spec.trainingFile()), spec.format(), null, 4096, 1024);
            Objective objective = Objective.of(data, trainee, kernels, scratch);
            trainee.model().checkpointing(checkpointing);
            trainee.model().reservePositions(data.longestRow());
            int[] all = IntStream.range(0, rows).toArray();
            objective.forwardBackward(all, 1, 1);
            double dropout = spec.adapter() instanceof LoraSpec lora ? lora.dropout() : 0;
            Activations formula = new Activations(trainee.model(), trainee.trainable(), spec.method(), dropout);
            long tokens = IntStream.of(all).mapToLong(objective::tokens).sum();
            return new Measured(
                    checkpointing ? formula.checkpointed(tokens, rows) : formula.kept(tokens, rows),
                    scratch.peak(),
                    scratch.reservedBytes(),
                    BaseMemory.of(trainee.model()),
                    trainee.model().bytes());
        }
    }
}
