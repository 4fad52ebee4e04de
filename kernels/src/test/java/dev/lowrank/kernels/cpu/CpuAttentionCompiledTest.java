package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.AttentionContract;
import dev.lowrank.kernels.Kernels;

/** As on a processor that multiplies BF16, but not in tiles, and by the Vector API alone. */
class CpuAttentionCompiledTest extends AttentionContract {
    @Override
    protected Kernels open() {
        return CpuKernels.open(3, true, AttentionTools::portable);
    }
}
