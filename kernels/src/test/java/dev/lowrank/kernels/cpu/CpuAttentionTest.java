package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.AttentionContract;
import dev.lowrank.kernels.Kernels;

class CpuAttentionTest extends AttentionContract {
    @Override
    protected Kernels open() {
        return CpuKernels.open(3);
    }
}
