package dev.lowrank.engine.bench;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;

/** How fast the device multiplies at best: large square products, the fastest of those that half a second has room for. */
final class ProductPeak {
    private static final int SIDE = 2048;
    private static final int FEWEST = 4;
    private static final long NANOSECONDS = 500_000_000;

    private ProductPeak() {}

    /** Floating-point operations a second. */
    static double measure(Kernels kernels, DType dtype) {
        try (Workspace memory = kernels.workspace()) {
            Tensor a = random(kernels, memory, dtype, 1);
            Tensor b = random(kernels, memory, dtype, 2);
            Tensor c = memory.take(dtype, SIDE, SIDE);
            long best = Long.MAX_VALUE;
            long end = System.nanoTime() + NANOSECONDS;
            for (int i = 0; i < FEWEST || System.nanoTime() < end; i++) {
                long began = System.nanoTime();
                // In turn as forward and as backward passes have it.
                kernels.matmul(a, false, b, i % 2 == 0, 1, 0, c);
                best = Math.min(best, System.nanoTime() - began);
            }
            return 2.0 * SIDE * SIDE * SIDE / (best / 1e9);
        }
    }

    private static Tensor random(Kernels kernels, Workspace memory, DType dtype, long key) {
        float[] values = new float[SIDE * SIDE];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) CounterRandom.uniform(key, i) - 0.5f;
        }
        Tensor tensor = memory.take(dtype, SIDE, SIDE);
        kernels.upload(values, 0, tensor);
        return tensor;
    }
}
