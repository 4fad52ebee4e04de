package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.ActivationContract;
import dev.lowrank.kernels.Kernels;

/** The contract with three threads, so that no size divides evenly. */
class CpuActivationTest extends ActivationContract {
    @Override
    protected Kernels open() {
        return CpuKernels.open(3);
    }
}
