package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.HeadContract;
import dev.lowrank.kernels.Kernels;

class CpuHeadTest extends HeadContract {
    @Override
    protected Kernels open() {
        return CpuKernels.open(3);
    }
}
