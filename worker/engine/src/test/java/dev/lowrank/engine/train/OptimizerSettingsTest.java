package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.SafetensorsFile;
import dev.lowrank.engine.format.StoredType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Settings that change how a run computes: what must come out the same does so bit for bit. */
class OptimizerSettingsTest {
    /** Large enough that every factor's averages are kept in 8 bits. */
    private static final int RANK = 128;

    @TempDir
    private Path folder;

    private static TinyRun coded() {
        return new TinyRun().adapter("rank", RANK).adapter("alpha", RANK).training("optimizer", "adamw8bit");
    }

    @Test
    void eightBitAveragesLearnAboutAsWellAsFp32() throws IOException {
        new TinyRun()
                .adapter("rank", RANK)
                .adapter("alpha", RANK)
                .training("epochs", 12)
                .in(folder.resolve("whole"));
        coded().training("epochs", 12).in(folder.resolve("coded"));
        List<Double> whole = Conformance.losses(folder.resolve("whole/metrics.jsonl"));
        List<Double> coded = Conformance.losses(folder.resolve("coded/metrics.jsonl"));
        assertThat(whole.getLast()).isLessThan(0.5 * whole.getFirst());
        assertThat(coded.getLast()).isCloseTo(whole.getLast(), Percentage.withPercentage(10));
        assertThat(coded.subList(2, coded.size())).isNotEqualTo(whole.subList(2, whole.size()));
    }

    @Test
    void eightBitAveragesAreStoredAsBytesWithAScaleABlock() throws IOException {
        coded().training("max_steps", 2).in(folder);
        try (SafetensorsFile state =
                SafetensorsFile.open(folder.resolve("checkpoints/step-00000002/state.safetensors"))) {
            String name = state.tensors().keySet().stream()
                    .filter(key -> key.startsWith("adamw8bit.m.") && key.contains("gate_proj.lora_B"))
                    .findFirst()
                    .orElseThrow();
            assertThat(state.info(name).dtype()).isEqualTo(StoredType.U8);
            assertThat(state.info(name).count()).isEqualTo(72L * RANK);
            assertThat(state.info(name.replace(".m.", ".v_scale.")).count()).isEqualTo(72L * RANK / 256);
        }
    }

    @Test
    void smallParametersKeepTheirAveragesInFp32() throws IOException {
        new TinyRun().in(folder.resolve("whole"));
        new TinyRun().training("optimizer", "adamw8bit").in(folder.resolve("small"));
        assertThat(adapter("small")).isEqualTo(adapter("whole"));
    }

    @Test
    void resumedEqualsUninterruptedWithEightBitAverages() throws IOException {
        assertResumes(OptimizerSettingsTest::coded);
    }

    @Test
    void resumedEqualsUninterruptedWhenPaged() throws IOException {
        assertResumes(() -> coded().training("paged", true));
    }

    @Test
    void resumedEqualsUninterruptedWithNoiseAndCheckpointing() throws IOException {
        assertResumes(() -> new TinyRun().training("neftune_alpha", 5).training("gradient_checkpointing", "layer"));
    }

    private void assertResumes(Supplier<TinyRun> run) throws IOException {
        run.get().in(folder.resolve("whole"));
        assertThat(run.get().in(folder.resolve("parts"), new StopAfter(3))).isEqualTo(Ending.STOPPED);
        assertThat(run.get().in(folder.resolve("parts"))).isEqualTo(Ending.FINISHED);
        assertThat(adapter("parts")).isEqualTo(adapter("whole"));
        assertThat(Conformance.losses(folder.resolve("parts/metrics.jsonl")))
                .isEqualTo(Conformance.losses(folder.resolve("whole/metrics.jsonl")));
    }

    @Test
    void pagedEqualsUnpagedAndLeavesNoFile() throws IOException {
        new TinyRun().in(folder.resolve("held"));
        new TinyRun().training("paged", true).in(folder.resolve("paged"));
        assertThat(adapter("paged")).isEqualTo(adapter("held"));
        try (var files = Files.list(folder.resolve("paged"))) {
            assertThat(files.map(Path::getFileName).map(Path::toString)).noneMatch(name -> name.startsWith("paged-"));
        }
    }

    @Test
    void checkpointingChangesNoBitOfLoraWithDropout() throws IOException {
        assertCheckpointingChangesNothing(TinyRun::new, "adapter_model.safetensors");
    }

    @Test
    void checkpointingChangesNoBitOfPrefixTuning() throws IOException {
        assertCheckpointingChangesNothing(
                () -> new TinyRun().with("method", "prefix-tuning").with("adapter", Map.of("virtual_tokens", 4)),
                "adapter_model.safetensors");
    }

    @Test
    void checkpointingChangesNoBitOfPromptTuning() throws IOException {
        assertCheckpointingChangesNothing(
                () -> new TinyRun().with("method", "prompt-tuning").with("adapter", Map.of("virtual_tokens", 4)),
                "adapter_model.safetensors");
    }

    @Test
    void checkpointingChangesNoBitOfFullFineTuning() throws IOException {
        assertCheckpointingChangesNothing(
                () -> new TinyRun().with("method", "full").with("adapter", Map.of()),
                "checkpoints/step-00000008/state.safetensors");
    }

    private void assertCheckpointingChangesNothing(Supplier<TinyRun> run, String result) throws IOException {
        run.get().training("gradient_checkpointing", "none").in(folder.resolve("kept"));
        run.get().training("gradient_checkpointing", "layer").in(folder.resolve("again"));
        assertThat(folder.resolve("again").resolve(result))
                .hasSameBinaryContentAs(folder.resolve("kept").resolve(result));
    }

    @Test
    void noiseOfZeroIsNoNoiseAndSomeIsReproducible() throws IOException {
        new TinyRun().in(folder.resolve("off"));
        new TinyRun().training("neftune_alpha", 0).in(folder.resolve("zero"));
        new TinyRun().training("neftune_alpha", 5).in(folder.resolve("a"));
        new TinyRun().training("neftune_alpha", 5).in(folder.resolve("b"));
        new TinyRun()
                .training("neftune_alpha", 5)
                .training("seed", 12)
                .training("shuffle", false)
                .in(folder.resolve("c"));
        assertThat(adapter("zero")).isEqualTo(adapter("off"));
        assertThat(adapter("a")).isNotEqualTo(adapter("off"));
        assertThat(adapter("b")).isEqualTo(adapter("a"));
        assertThat(adapter("c")).isNotEqualTo(adapter("a"));
    }

    @Test
    void settingsThatChangeNoNumberMayDifferWhenResumed() throws IOException {
        new TinyRun().in(folder.resolve("whole"));
        new TinyRun().in(folder.resolve("parts"), new StopAfter(3));
        new TinyRun()
                .training("gradient_checkpointing", "layer")
                .training("paged", true)
                .training("checkpoint_every_steps", 3)
                .in(folder.resolve("parts"));
        assertThat(adapter("parts")).isEqualTo(adapter("whole"));
    }

    @Test
    void settingsThatChangeNumbersMayNotDifferWhenResumed() {
        new TinyRun().in(folder, new StopAfter(3));
        for (TinyRun other :
                List.of(new TinyRun().training("neftune_alpha", 5), new TinyRun().training("optimizer", "adamw8bit"))) {
            assertThatThrownBy(() -> other.in(folder))
                    .isInstanceOf(InputException.class)
                    .hasMessageContaining("belongs to another run");
        }
    }

    private byte[] adapter(String run) throws IOException {
        return Files.readAllBytes(folder.resolve(run).resolve("adapter_model.safetensors"));
    }
}
