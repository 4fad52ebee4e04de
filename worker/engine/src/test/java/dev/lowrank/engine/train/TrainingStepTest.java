package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.data.RowSet;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.spec.TrainingSettings;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingStepTest {
    @TempDir
    private Path folder;

    private final Kernels kernels = CpuKernels.open(1);
    private final Workspace memory = kernels.workspace();
    private final Parameter parameter = new Parameter("p", memory.take(2), memory.take(2));
    private final TrainingSettings settings = SpecJson.parse("{\"base_model\": \"b\", \"training_file\": \"t\"}")
            .spec()
            .training();

    @AfterEach
    void close() {
        memory.close();
        kernels.close();
    }

    @Test
    void aWindowWithoutATrainedTokenMovesNothingAndIsLoggedAsSkipped() throws IOException {
        StepMetrics metrics = step(new Rows(0, 0));
        assertThat(metrics.skipped()).isEqualTo("all_masked");
        assertThat(value()).containsExactly(1, 1);
        try (MetricsLog log = new MetricsLog(folder.resolve("metrics.jsonl"), 0)) {
            log.write(metrics, null);
        }
        assertThat(folder.resolve("metrics.jsonl")).hasContent("{\"step\":0,\"skipped\":\"all_masked\"}");
    }

    @Test
    void aMicroBatchWithoutATrainedTokenLeavesTheStepToTheOthers() {
        StepMetrics metrics = step(new Rows(0, 4));
        assertThat(metrics.skipped()).isNull();
        assertThat(metrics.loss()).isEqualTo(0.5);
        assertThat(value()).doesNotContain(1);
    }

    private StepMetrics step(Rows rows) {
        kernels.upload(new float[] {1, 1}, 0, parameter.value());
        try (Optimizer optimizer = new Optimizer(List.of(parameter), settings, kernels, folder)) {
            List<int[]> window = List.of(new int[] {0}, new int[] {1});
            StepMetrics metrics = new TrainingStep(settings, rows, optimizer, new GradientWatch())
                    .run(0, 10, window, new RunControl() {});
            assertThat(metrics).isNotNull();
            return metrics;
        }
    }

    private float[] value() {
        float[] value = new float[2];
        kernels.download(parameter.value(), value, 0);
        return value;
    }

    /** Two rows with so many trained tokens each, whose gradient is 1 and whose loss half a nat a token. */
    private final class Rows implements Objective, RowSet {
        private final int[] trained;

        Rows(int... trained) {
            this.trained = trained;
        }

        @Override
        public RowSet data() {
            return this;
        }

        @Override
        public int size() {
            return trained.length;
        }

        @Override
        public long trainedTokens() {
            return Arrays.stream(trained).sum();
        }

        @Override
        public int truncatedRows() {
            return 0;
        }

        @Override
        public int longestRow() {
            return 8;
        }

        @Override
        public int tokens(int row) {
            return 8;
        }

        @Override
        public long weight(int[] rows) {
            return Arrays.stream(rows).map(row -> trained[row]).sum();
        }

        @Override
        public LossParts forwardBackward(int[] rows, double scale, long dropoutKey) {
            kernels.upload(new float[] {1, 1}, 0, Objects.requireNonNull(parameter.gradient()));
            return new LossParts(0.5 * weight(rows), weight(rows), 0, null, 0);
        }

        @Override
        public LossParts measure() {
            throw new UnsupportedOperationException();
        }

        @Override
        public LossParts measureBase() {
            throw new UnsupportedOperationException();
        }
    }
}
