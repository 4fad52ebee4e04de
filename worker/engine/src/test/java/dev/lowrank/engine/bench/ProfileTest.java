package dev.lowrank.engine.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProfileTest {
    private final Profile profile = new Profile();

    @Test
    void linesAreMeansOfAStepAndTheRestIsTheLast() {
        for (int step = 0; step < 2; step++) {
            profile.add("upload", "upload", 1_000_000, 0);
            profile.add("matmul", "matmul", 40_000_000, 8e9);
            profile.add("matmul", "matmul", 20_000_000, 4e9);
            profile.add("linearCrossEntropy", "linearCrossEntropy", 9_000_000, 0);
            profile.add("matmul", "matmul", 10_000_000, 1e9);
            profile.add("sumOfSquares", "sumOfSquares", 2_000_000, 0);
            profile.add("scale", "scale", 1_000_000, 0);
        }
        List<Profile.Line> lines = profile.lines(List.of(0.08, 0.12));
        assertThat(lines)
                .extracting(line -> line.phase() + " " + line.operation())
                .containsExactly(
                        "forward matmul",
                        "backward matmul",
                        "loss linearCrossEntropy",
                        "update sumOfSquares",
                        "forward upload",
                        "update scale",
                        " between operations");
        Profile.Line first = lines.getFirst();
        assertThat(first.calls()).isEqualTo(2);
        assertThat(first.milliseconds()).isEqualTo(60);
        assertThat(first.share()).isEqualTo(0.6);
        assertThat(first.flops()).isEqualTo(2e11);
        assertThat(lines.getLast().milliseconds()).isBetween(16.999, 17.001);
    }

    @Test
    void whatTheFirstStepsTookIsForgotten() {
        profile.add("add", "add", 1, 0);
        profile.restart();
        assertThat(profile.lines(List.of(1.0))).hasSize(1);
    }

    @Test
    void timedKernelsComputeAndFailAsTheOthersDo() {
        try (Kernels kernels = TimedKernels.of(CpuKernels.open(1), profile);
                Workspace memory = kernels.workspace()) {
            Tensor x = memory.take(3, 128);
            Tensor y = memory.take(3, 128);
            Tensor square = memory.take(3, 3);
            kernels.upload(ones(384), 0, x);
            kernels.copy(x, y);
            kernels.matmul(x, false, y, true, 1, 0, square);
            float[] values = new float[9];
            kernels.download(square, values, 0);
            assertThat(values).containsOnly(128);
            assertThatThrownBy(() -> kernels.add(x, square, x)).isInstanceOf(IllegalArgumentException.class);
        }
        assertThat(profile.lines(List.of(1.0)))
                .extracting(Profile.Line::operation)
                .containsExactlyInAnyOrder(
                        "upload", "copy", "matmul, thin (3)", "download", "add", "between operations");
    }

    private static float[] ones(int count) {
        float[] ones = new float[count];
        Arrays.fill(ones, 1);
        return ones;
    }
}
