package dev.lowrank.kernels;

/** A kind of device that kernels run on, found by the service loader. */
public interface DeviceProvider {
    /** What people call it: "cpu", "cuda". */
    String kind();

    /**
     * Opens one of these devices.
     *
     * @param number which of them, from 0 on
     * @param threads of this machine's processors, where the device uses those
     * @throws DeviceException if it cannot be used
     */
    Kernels open(int number, int threads);
}
