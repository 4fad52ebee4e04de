package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Nf4Contract;
import org.junit.jupiter.api.Test;

/** The contract with three threads, so that no size divides evenly. */
class CpuNf4Test extends Nf4Contract {
    @Override
    protected Kernels open() {
        return CpuKernels.open(3);
    }

    @Test
    void givesTheSameBytesForEveryNumberOfThreads() {
        float[] weight = new float[301 * 401];
        for (int i = 0; i < weight.length; i++) {
            weight[i] = (float) Math.sin(i * 1.7) * (1 + i % 7);
        }
        Nf4 three = quantized(weight, 301, 401, true);
        float[] back = dequantized(three);
        byte[] packed = bytes(three.packed());
        Kernels outer = kernels;
        for (int threads : new int[] {1, 2, 5}) {
            try (Kernels other = CpuKernels.open(threads)) {
                kernels = other;
                assertThat(bytes(quantized(weight, 301, 401, true).packed())).isEqualTo(packed);
                assertThat(dequantized(three)).isEqualTo(back);
            } finally {
                kernels = outer;
            }
        }
    }
}
