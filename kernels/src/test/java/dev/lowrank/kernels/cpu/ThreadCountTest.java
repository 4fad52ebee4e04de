package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.kernels.Activation;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Everything but the matrix products gives the same bits for every number of threads. */
class ThreadCountTest {
    private static final int ROWS = 301; // With COLUMNS, enough elements to be divided, and odd shares of them.
    private static final int COLUMNS = 207;

    /** An operation on an instance's kernels and memory that returns what it wrote. */
    private interface Operation {
        Tensor[] run(Kernels kernels, Fixture memory);
    }

    @Test
    void rootMeanSquareNormalisation() {
        sameBits((kernels, memory) -> {
            Tensor x = memory.matrix();
            Tensor weight = memory.random(COLUMNS);
            Tensor y = memory.matrix();
            Tensor rstd = memory.random(ROWS);
            Tensor dx = memory.matrix();
            Tensor dWeight = memory.random(COLUMNS);
            kernels.rmsNorm(x, weight, 1, 1e-5f, y, rstd);
            kernels.rmsNormBackward(memory.matrix(), x, weight, 1, rstd, dx, dWeight);
            return new Tensor[] {y, rstd, dx, dWeight};
        });
    }

    @Test
    void layerNormalisation() {
        sameBits((kernels, memory) -> {
            Tensor x = memory.matrix();
            Tensor weight = memory.random(COLUMNS);
            Tensor y = memory.matrix();
            Tensor mean = memory.random(ROWS);
            Tensor rstd = memory.random(ROWS);
            Tensor dx = memory.matrix();
            Tensor dWeight = memory.random(COLUMNS);
            Tensor dBias = memory.random(COLUMNS);
            kernels.layerNorm(x, weight, dBias, 1e-5f, y, mean, rstd);
            kernels.layerNormBackward(memory.matrix(), x, weight, mean, rstd, dx, dWeight, dBias);
            return new Tensor[] {y, mean, rstd, dx, dWeight, dBias};
        });
    }

    @Test
    void activations() {
        for (Activation activation : Activation.values()) {
            sameBits((kernels, memory) -> {
                Tensor gate = memory.matrix();
                Tensor up = memory.matrix();
                Tensor dOut = memory.matrix();
                Tensor[] out = {memory.matrix(), memory.matrix(), memory.matrix(), memory.matrix(), memory.matrix()};
                kernels.gated(activation, gate, up, out[0]);
                kernels.gatedBackward(activation, dOut, gate, up, out[1], out[2]);
                kernels.activation(activation, gate, out[3]);
                kernels.activationBackward(activation, dOut, gate, out[4]);
                return out;
            });
        }
    }

    @Test
    void columns() {
        sameBits((kernels, memory) -> {
            Tensor x = memory.matrix();
            Tensor bias = memory.random(COLUMNS);
            Tensor y = memory.matrix();
            kernels.addBias(x, bias);
            kernels.columnSums(x, bias);
            kernels.copyColumns(x, 3, y, 1, COLUMNS - 5);
            Tensor factor = memory.random(COLUMNS);
            Tensor dX = memory.matrix();
            Tensor dFactor = memory.random(COLUMNS);
            Tensor norms = memory.random(ROWS);
            kernels.scaleColumnsBackward(memory.matrix(), x, factor, dX, dFactor);
            kernels.scaleColumns(x, factor, x);
            kernels.rowNorms(x, norms);
            return new Tensor[] {x, bias, y, dX, dFactor, norms};
        });
    }

    @Test
    void noise() {
        sameBits((kernels, memory) -> {
            Tensor x = memory.matrix();
            kernels.addUniformNoise(x, 0.1f, 77);
            return new Tensor[] {x};
        });
    }

    private static void sameBits(Operation operation) {
        List<float[]> alone = results(1, operation);
        for (int threads : new int[] {2, 3, 5}) {
            List<float[]> together = results(threads, operation);
            for (int i = 0; i < alone.size(); i++) {
                assertThat(together.get(i))
                        .as("result %d of %d threads", i, threads)
                        .isEqualTo(alone.get(i));
            }
        }
    }

    private static List<float[]> results(int threads, Operation operation) {
        try (Kernels kernels = CpuKernels.open(threads);
                Workspace workspace = kernels.workspace()) {
            List<float[]> results = new ArrayList<>();
            for (Tensor tensor : operation.run(kernels, new Fixture(kernels, workspace, new Random(3)))) {
                float[] values = new float[(int) tensor.size()];
                kernels.download(tensor, values, 0);
                results.add(values);
            }
            return results;
        }
    }

    private record Fixture(Kernels kernels, Workspace workspace, Random random) {
        Tensor matrix() {
            return random(ROWS * COLUMNS).reshape(ROWS, COLUMNS);
        }

        Tensor random(int size) {
            float[] values = new float[size];
            for (int i = 0; i < size; i++) {
                values[i] = (float) random.nextGaussian();
            }
            Tensor tensor = workspace.take(size);
            kernels.upload(values, 0, tensor);
            return tensor;
        }
    }
}
