package dev.lowrank.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.train.CheckpointFolder;
import dev.lowrank.engine.train.Validation;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingDisplayTest {
    @TempDir
    private Path checkpoints;

    private final ByteArrayOutputStream shown = new ByteArrayOutputStream();
    private final TrainingDisplay display = new TrainingDisplay(new PrintStream(shown), 0);

    @Test
    void olderCheckpointsGoOnlyWhenTwoNewerOnesAreComplete() throws IOException {
        complete(2);
        complete(4);
        Files.createDirectories(checkpoints.resolve("step-00000003.tmp/half"));
        Files.writeString(checkpoints.resolve("best.safetensors"), "best");
        display.checkpointed(complete(6));
        assertThat(names()).contains("step-00000002", "step-00000004", "step-00000006");
        display.checkpointed(complete(8));
        assertThat(names()).containsExactly("best.safetensors", "step-00000006", "step-00000008");
        display.checkpointed(complete(9));
        assertThat(names()).containsExactly("best.safetensors", "step-00000008", "step-00000009");
    }

    @Test
    void evaluationsAndTheReasonOfAnEarlyEndHaveLinesOfTheirOwn() {
        display.evaluated(new Validation(20, 100, 1.25, 0.5, null, true));
        display.evaluated(new Validation(40, 100, 1.5, 0.25, null, false));
        display.stoppedEarly("Stopped early.");
        assertThat(shown.toString().lines())
                .containsExactly(
                        "Step 20: validation loss 1.2500, token accuracy 50.0 % (the best so far)",
                        "Step 40: validation loss 1.5000, token accuracy 25.0 %", "Stopped early.");
    }

    private CheckpointFolder complete(int step) throws IOException {
        Path folder = Files.createDirectories(checkpoints.resolve("step-%08d".formatted(step)));
        Files.writeString(folder.resolve("DONE"), "digest");
        return new CheckpointFolder(folder, step, "digest", 6);
    }

    private List<String> names() throws IOException {
        try (Stream<Path> entries = Files.list(checkpoints)) {
            return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
        }
    }
}
