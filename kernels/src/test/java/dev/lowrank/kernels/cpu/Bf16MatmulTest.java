package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.HalfMatmulContract;
import dev.lowrank.kernels.Kernels;

/** The contract of BF16 products with three threads. */
class Bf16MatmulTest extends HalfMatmulContract {
    @Override
    protected Kernels open() {
        return CpuKernels.open(3);
    }
}
