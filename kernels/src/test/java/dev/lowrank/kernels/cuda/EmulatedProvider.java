package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.DeviceProvider;
import dev.lowrank.kernels.Kernels;

/** The CUDA kernels without a GPU, as a device that tests name like any other. */
public final class EmulatedProvider implements DeviceProvider {
    @Override
    public String kind() {
        return "emulated";
    }

    @Override
    public Kernels open(int number, int threads) {
        return EmulatedKernels.openInOneOrder();
    }
}
