package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.NoiseContract;

/** The contract with three threads, so that no size divides evenly. */
class CpuNoiseTest extends NoiseContract {
    @Override
    protected Kernels open() {
        return CpuKernels.open(3);
    }
}
