package dev.lowrank.engine.bench;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.spec.ComputeType;
import dev.lowrank.engine.spec.GradientCheckpointing;
import dev.lowrank.engine.spec.Method;
import dev.lowrank.engine.train.StepMetrics;
import java.util.List;
import org.assertj.core.data.Percentage;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class BenchTest {
    @Test
    void sameSeedGivesTheSameFiguresAndAnotherGivesOthers() {
        List<StepMetrics> steps =
                run(Method.LORA, GradientCheckpointing.NONE, 0, false).steps();
        List<StepMetrics> again =
                run(Method.LORA, GradientCheckpointing.LAYER, 0, true).steps();
        List<StepMetrics> other =
                run(Method.LORA, GradientCheckpointing.NONE, 1, false).steps();
        assertThat(steps).extracting(StepMetrics::loss).doesNotContain(0.0);
        for (int i = 0; i < steps.size(); i++) {
            assertThat(again.get(i).loss()).isEqualTo(steps.get(i).loss());
            assertThat(again.get(i).gradNorm()).isEqualTo(steps.get(i).gradNorm());
            assertThat(other.get(i).loss()).isNotEqualTo(steps.get(i).loss());
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"LORA", "QLORA", "FULL"})
    void everyStepComputesAndTheProfileHoldsAllOfIt(Method method) {
        BenchResult result = run(method, GradientCheckpointing.NONE, 0, true);
        assertThat(result.steps()).hasSize(2).allSatisfy(step -> {
            // A new model knows nothing: every token is about as likely as any other.
            assertThat(step.loss()).isBetween(0.9 * Math.log(4096), 1.1 * Math.log(4096));
            assertThat(step.gradNorm()).isPositive().isFinite();
        });
        assertThat(result.parameters()).isEqualTo(5_475_584);
        assertThat(result.trainableParameters()).isEqualTo(method == Method.FULL ? 5_475_584 : 112_128);
        List<Profile.Line> lines = result.profile();
        assertThat(lines.stream().mapToDouble(Profile.Line::share).sum()).isCloseTo(1, Percentage.withPercentage(1e-6));
        assertThat(lines).allSatisfy(line -> assertThat(line.share()).isNotNegative());
        assertThat(lines).extracting(Profile.Line::phase).contains("forward", "loss", "backward", "update");
        // The formula says what a step needs; the operations were given as much, but for rows without a label.
        double given = lines.stream()
                .mapToDouble(line -> line.flops() * line.milliseconds() / 1e3)
                .sum();
        assertThat(result.products()).isCloseTo(given, Percentage.withPercentage(3));
    }

    @ParameterizedTest
    @EnumSource(names = {"LORA", "QLORA", "FULL"})
    void bf16StaysNearFp32AndItsProfileKnowsItsProducts(Method method) {
        BenchResult full = run(method, ComputeType.FLOAT32, GradientCheckpointing.NONE, 0, false);
        BenchResult half = run(method, ComputeType.BFLOAT16, GradientCheckpointing.NONE, 0, true);
        for (int i = 0; i < full.steps().size(); i++) {
            double expected = full.steps().get(i).loss();
            assertThat(half.steps().get(i).loss()).isCloseTo(expected, Percentage.withPercentage(2));
        }
        double given = half.profile().stream()
                .mapToDouble(line -> line.flops() * line.milliseconds() / 1e3)
                .sum();
        assertThat(half.products()).isCloseTo(given, Percentage.withPercentage(3));
    }

    private static BenchResult run(Method method, GradientCheckpointing checkpointing, int seed, boolean profile) {
        return run(method, ComputeType.FLOAT32, checkpointing, seed, profile);
    }

    private static BenchResult run(
            Method method, ComputeType compute, GradientCheckpointing checkpointing, int seed, boolean profile) {
        BenchOptions options =
                new BenchOptions("tiny-5m", method, compute, checkpointing, 2, 32, 4, 2, 1, "cpu", 2, seed, profile);
        return new Bench(options, 64, line -> {}).run();
    }
}
