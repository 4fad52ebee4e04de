package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.DType;

/** The same contract with activations in BF16. */
class CpuBf16ActivationTest extends CpuActivationTest {
    @Override
    protected DType activations() {
        return DType.BF16;
    }
}
