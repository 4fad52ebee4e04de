package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.AttentionContract;
import dev.lowrank.kernels.Kernels;

/** As on a processor without instructions for BF16. */
class CpuAttentionWithoutBf16Test extends AttentionContract {
    @Override
    protected Kernels open() {
        return CpuKernels.open(3, false, AttentionTools::best);
    }
}
