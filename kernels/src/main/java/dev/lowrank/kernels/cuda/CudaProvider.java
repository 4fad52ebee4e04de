package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.DeviceProvider;
import dev.lowrank.kernels.Kernels;

/** NVIDIA's GPUs, in the order of the driver. */
public final class CudaProvider implements DeviceProvider {
    @Override
    public String kind() {
        return "cuda";
    }

    @Override
    public Kernels open(int number, int threads) {
        return CudaKernels.open(number);
    }
}
