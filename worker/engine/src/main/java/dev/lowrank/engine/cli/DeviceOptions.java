package dev.lowrank.engine.cli;

import dev.lowrank.kernels.Devices;
import dev.lowrank.kernels.Kernels;
import picocli.CommandLine.Option;

/** What to compute on. */
final class DeviceOptions {
    @Option(
            names = "--device",
            paramLabel = "D",
            description = "cpu (default), or a GPU: cuda, cuda:1 for the second, and so on.")
    private String device = "cpu";

    @Option(names = "--threads", paramLabel = "N", description = "Threads to compute with (default: all cores).")
    private int threads = Runtime.getRuntime().availableProcessors();

    String device() {
        return device;
    }

    int threads() {
        return threads;
    }

    /** @throws dev.lowrank.kernels.DeviceException if it cannot be used */
    Kernels open() {
        return Devices.open(device, threads);
    }
}
