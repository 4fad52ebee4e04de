package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Bf16Contract;
import dev.lowrank.kernels.Kernels;

/** The contract with three threads, so that no size divides evenly. */
class CpuBf16Test extends Bf16Contract {
    @Override
    protected Kernels open() {
        return CpuKernels.open(3);
    }
}
