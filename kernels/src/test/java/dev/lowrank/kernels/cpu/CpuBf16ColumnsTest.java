package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.DType;

/** The same contract with activations in BF16. */
class CpuBf16ColumnsTest extends CpuColumnsTest {
    @Override
    protected DType activations() {
        return DType.BF16;
    }
}
