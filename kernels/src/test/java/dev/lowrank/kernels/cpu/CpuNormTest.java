package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.NormContract;

/** The contract with three threads, so that no size divides evenly. */
class CpuNormTest extends NormContract {
    @Override
    protected Kernels open() {
        return CpuKernels.open(3);
    }
}
