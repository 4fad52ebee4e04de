package dev.lowrank.engine.bench;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;

/** How fast the device multiplies at best: large square products, the fastest of {@value #TIMES}. */
final class ProductPeak {
    /** Large enough for caches to be used well, small enough to take a moment. */
    static final int SIDE = 2048;

    static final int TIMES = 8;

    private ProductPeak() {}

    /** Floating-point operations a second. */
    static double measure(Kernels kernels, DType dtype, int side) {
        try (Workspace memory = kernels.workspace()) {
            Tensor a = random(kernels, memory.take(dtype, side, side), 1);
            Tensor b = random(kernels, memory.take(dtype, side, side), 2);
            Tensor c = memory.take(dtype, side, side);
            long best = Long.MAX_VALUE;
            for (int i = 0; i < TIMES; i++) {
                long began = System.nanoTime();
                // In turn as forward and as backward passes have it.
                kernels.matmul(a, false, b, i % 2 == 0, 1, 0, c);
                best = Math.min(best, System.nanoTime() - began);
            }
            return 2.0 * side * side * side / (best / 1e9);
        }
    }

    private static Tensor random(Kernels kernels, Tensor tensor, long key) {
        float[] values = new float[Math.toIntExact(tensor.size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) CounterRandom.uniform(key, i) - 0.5f;
        }
        kernels.upload(values, 0, tensor);
        return tensor;
    }
}
