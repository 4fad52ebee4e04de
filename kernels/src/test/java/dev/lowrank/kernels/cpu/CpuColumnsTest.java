package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.ColumnsContract;
import dev.lowrank.kernels.Kernels;

/** The contract with three threads, so that no size divides evenly. */
class CpuColumnsTest extends ColumnsContract {
    @Override
    protected Kernels open() {
        return CpuKernels.open(3);
    }
}
