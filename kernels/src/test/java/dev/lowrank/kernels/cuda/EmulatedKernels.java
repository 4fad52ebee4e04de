package dev.lowrank.kernels.cuda;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lowrank.kernels.Kernels;

/** The CUDA kernels on the emulated device; where it cannot be built, tests are skipped and say why. */
public final class EmulatedKernels {
    /** Forwards and backwards. */
    private static final int ORDERS = 2;

    private EmulatedKernels() {}

    /** Each launch runs its blocks and threads in several orders, and fails where the results differ. */
    static Kernels open() {
        return open(ORDERS);
    }

    /** Each launch runs once. */
    public static Kernels openInOneOrder() {
        return open(1);
    }

    private static Kernels open(int orders) {
        return new CudaKernels(driver(orders));
    }

    static EmulatedDriver driver(int orders) {
        assumeTrue(
                EmulatedProgram.canBeBuilt(),
                "The CUDA kernels were not run: there is no g++ to build the emulated device with.");
        return new EmulatedDriver(EmulatedProgram.here().path(), orders);
    }
}
