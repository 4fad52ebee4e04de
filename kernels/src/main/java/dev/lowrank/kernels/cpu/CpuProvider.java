package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.DeviceException;
import dev.lowrank.kernels.DeviceProvider;
import dev.lowrank.kernels.Kernels;

/** This machine's processors, all of them one device. */
public final class CpuProvider implements DeviceProvider {
    @Override
    public String kind() {
        return "cpu";
    }

    @Override
    public Kernels open(int number, int threads) {
        if (number != 0) {
            throw new DeviceException("All processors of this machine are one device, \"cpu\"; there is no \"cpu:%d\"."
                    .formatted(number));
        }
        return CpuKernels.open(threads);
    }
}
