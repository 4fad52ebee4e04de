package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Percentage.withPercentage;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.engine.data.PreferenceDataset;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The gradient of the preference loss against central differences of the loss, for each factor along a direction. */
class PreferenceObjectiveTest {
    private static final int[] PAIRS = {0, 1};
    private static final double SCALE = 0.5;

    @TempDir
    private Path folder;

    private final Kernels kernels = CpuKernels.open(2);

    @Test
    void gradientOfEveryFactorMatchesDifferences() throws IOException {
        Path file = Files.write(
                folder.resolve("pairs.jsonl"),
                List.of(pair("[5, 17, 3, 44, 90]", "[5, 17, 61, 2]"), pair("[9, 33, 8]", "[9, 33, 21, 70, 4, 12]")));
        TrainingSpec spec = SpecJson.parse("""
                        {"base_model": "%s", "training_file": "%s", "format": "tokenized", "method": "dpo",
                         "adapter": {"rank": 3, "alpha": 6}, "training": {"beta": 0.7}}
                        """.formatted(TinyRun.FIXTURE.resolve("model"), file))
                .spec();
        try (ModelFolder base = ModelFolder.open(TinyRun.FIXTURE.resolve("model"));
                Trainee trainee = Trainee.prepare(spec, base, DType.F32, kernels);
                Workspace scratch = kernels.workspace()) {
            PreferenceDataset pairs = PreferenceDataset.load(file, null, 96, 64);
            Objective objective = Objective.of(pairs, trainee, 0.7, kernels, scratch);
            for (Parameter factor : trainee.trainable()) {
                fill(factor);
                kernels.zero(gradient(factor));
            }
            LossParts parts = objective.forwardBackward(PAIRS, SCALE, 1);
            assertThat(parts.loss()).isNotCloseTo(2 * Math.log(2), withPercentage(1));
            for (Parameter factor : trainee.trainable()) {
                assertGradientFits(objective, factor);
            }
        }
    }

    private static String pair(String chosen, String rejected) {
        return "{\"chosen\": {\"input_ids\": %1$s, \"labels\": %1$s}, \"rejected\": {\"input_ids\": %2$s, \"labels\": %2$s}}"
                .formatted(chosen, rejected);
    }

    /** Along the gradient and, by half, at random. */
    private void assertGradientFits(Objective objective, Parameter factor) {
        float[] before = values(factor.value());
        float[] gradient = values(gradient(factor));
        double length = length(gradient);
        float[] direction = new float[before.length];
        for (int i = 0; i < before.length; i++) {
            double random = CounterRandom.normal(7, i) / Math.sqrt(before.length);
            direction[i] = (float) (gradient[i] / length + 0.5 * random);
        }
        double predicted = 0;
        for (int i = 0; i < before.length; i++) {
            predicted += (double) gradient[i] * direction[i];
        }
        double step = 1e-2;
        double measured = (lossAt(objective, factor, before, direction, step)
                        - lossAt(objective, factor, before, direction, -step))
                / (2 * step);
        kernels.upload(before, 0, factor.value());
        assertThat(measured).as(factor.name()).isCloseTo(predicted, withPercentage(1));
    }

    private double lossAt(Objective objective, Parameter factor, float[] from, float[] direction, double step) {
        float[] moved = new float[from.length];
        for (int i = 0; i < from.length; i++) {
            moved[i] = (float) (from[i] + step * direction[i]);
        }
        kernels.upload(moved, 0, factor.value());
        return SCALE * objective.measure().loss();
    }

    private void fill(Parameter parameter) {
        float[] values = new float[Math.toIntExact(parameter.value().size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (0.2 * CounterRandom.normal(parameter.name().hashCode(), i));
        }
        kernels.upload(values, 0, parameter.value());
    }

    private static Tensor gradient(Parameter parameter) {
        return Objects.requireNonNull(parameter.gradient());
    }

    private float[] values(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.size())];
        kernels.download(tensor, values, 0);
        return values;
    }

    private static double length(float[] values) {
        double sum = 0;
        for (float value : values) {
            sum += (double) value * value;
        }
        return Math.sqrt(sum);
    }
}
