package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.engine.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingRunTest {
    @TempDir
    private Path folder;

    @Test
    void resumedRunEndsWithTheSameBytesAsAnUninterruptedOne() throws IOException {
        Path whole = folder.resolve("whole");
        Path parts = folder.resolve("parts");
        new TinyRun().in(whole);
        assertThat(new TinyRun().in(parts, new StopAfter(3))).isEqualTo(Ending.STOPPED);
        assertThat(new TinyRun().in(parts, new StopAfter(5))).isEqualTo(Ending.STOPPED);
        assertThat(new TinyRun().in(parts)).isEqualTo(Ending.FINISHED);
        assertThat(adapter(parts)).isEqualTo(adapter(whole));
        assertThat(Conformance.losses(parts.resolve("metrics.jsonl")))
                .isEqualTo(Conformance.losses(whole.resolve("metrics.jsonl")));
    }

    @Test
    void stopInsideAnAccumulationWindowLosesOnlyThatWindow() throws IOException {
        Path whole = folder.resolve("whole");
        Path parts = folder.resolve("parts");
        new TinyRun().in(whole);
        int[] polls = {0};
        RunControl midway = new RunControl() {
            @Override
            public boolean stopRequested() {
                return ++polls[0] == 4;
            }
        };
        assertThat(new TinyRun().in(parts, midway)).isEqualTo(Ending.STOPPED);
        assertThat(parts.resolve("checkpoints/step-00000001/DONE")).exists();
        new TinyRun().in(parts);
        assertThat(adapter(parts)).isEqualTo(adapter(whole));
    }

    @Test
    void tornOrDamagedCheckpointIsPassedOverForTheOneBefore() throws IOException {
        Path whole = folder.resolve("whole");
        Path parts = folder.resolve("parts");
        new TinyRun().in(whole);
        new TinyRun().in(parts, new StopAfter(5));
        Path newest = parts.resolve("checkpoints/step-00000005/state.safetensors");
        byte[] bytes = Files.readAllBytes(newest);
        bytes[bytes.length - 3] ^= 1;
        Files.write(newest, bytes);
        Files.delete(parts.resolve("checkpoints/step-00000004/DONE"));
        Files.createDirectory(parts.resolve("checkpoints/step-00000006.tmp"));
        List<Integer> steps = new ArrayList<>();
        new TinyRun().in(parts, new RunControl() {
            @Override
            public void stepped(StepMetrics metrics) {
                steps.add(metrics.step());
            }
        });
        assertThat(steps.get(0)).isEqualTo(3);
        assertThat(adapter(parts)).isEqualTo(adapter(whole));
    }

    @Test
    void checkpointOfAnotherRunIsRefusedWithTheSettingThatDiffers() {
        new TinyRun().in(folder, new StopAfter(2));
        assertThatThrownBy(() -> new TinyRun().training("learning_rate", 0.02).in(folder))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("belongs to another run")
                .hasMessageContaining("\"training\"");
    }

    @Test
    void everyStepIsCheckpointedAsAskedAndTheLastAlways() {
        List<Integer> saved = new ArrayList<>();
        new TinyRun().training("max_steps", 5).in(folder, new RunControl() {
            @Override
            public void checkpointed(CheckpointFolder checkpoint) {
                assertThat(checkpoint.directory().resolve("DONE")).hasContent(checkpoint.manifestSha256());
                saved.add(checkpoint.step());
            }
        });
        assertThat(saved).containsExactly(2, 4, 5);
    }

    @Test
    void lossThatIsNoNumberStopsTheRunAndKeepsTheLastCheckpoint() {
        assertThatThrownBy(() -> new TinyRun()
                        .training("learning_rate", 10)
                        .training("weight_decay", 900)
                        .training("epochs", 60)
                        .with("method", "full")
                        .with("adapter", Map.of())
                        .in(folder))
                .isInstanceOfSatisfying(
                        TrainingFailure.class,
                        failure -> assertThat(failure.code()).endsWith("_not_finite"))
                .hasMessageContaining("learning_rate");
        assertThat(folder.resolve("checkpoints/step-00000002/DONE")).exists();
    }

    private static byte[] adapter(Path folder) throws IOException {
        return Files.readAllBytes(folder.resolve("adapter_model.safetensors"));
    }
}
