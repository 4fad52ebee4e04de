package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.AdamW8Contract;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.codes.DynamicMap;

/** The contract with three threads. */
class CpuAdamW8Test extends AdamW8Contract {
    @Override
    protected Kernels open() {
        return CpuKernels.open(3);
    }

    @Override
    protected float[] signedMap() {
        return DynamicMap.SIGNED.values();
    }

    @Override
    protected float[] unsignedMap() {
        return DynamicMap.UNSIGNED.values();
    }
}
