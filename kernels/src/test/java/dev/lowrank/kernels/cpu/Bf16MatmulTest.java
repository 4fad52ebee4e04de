package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.HalfMatmulContract;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import org.junit.jupiter.api.Test;

/** The contract of BF16 products with three threads, and what is compiled for them. */
class Bf16MatmulTest extends HalfMatmulContract {
    @Override
    protected Kernels open() {
        return CpuKernels.open(3);
    }

    /** A batch has as many tokens as its rows happen to have; compiling for each would cost more than the product. */
    @Test
    void compilesNothingForANewNumberOfTokensOnceWarm() {
        CpuKernels cpu = (CpuKernels) kernels;
        for (int tokens = 1; tokens <= 1060; tokens++) {
            step(tokens);
        }
        int warm = cpu.compiledProducts();
        for (int tokens = 1061; tokens <= 3000; tokens += 37) {
            step(tokens);
        }
        assertThat(cpu.compiledProducts()).isEqualTo(warm);
    }

    private void step(int tokens) {
        long mark = memory.mark();
        Tensor x = zeros16(tokens, 72);
        Tensor w = zeros16(40, 72);
        Tensor y = zeros16(tokens, 40);
        kernels.matmul(x, false, w, true, 1, 0, y);
        kernels.matmul(y, false, w, false, 1, 1, x);
        kernels.matmul(y, true, x, false, 1, 1, zeros(40, 72));
        memory.release(mark);
    }

    private Tensor zeros16(long... shape) {
        Tensor tensor = memory.take(DType.BF16, shape);
        kernels.zero(tensor);
        return tensor;
    }

    private Tensor zeros(long... shape) {
        Tensor tensor = memory.take(shape);
        kernels.zero(tensor);
        return tensor;
    }
}
