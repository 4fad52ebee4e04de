package dev.lowrank.kernels.check;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * One of the two devices of a comparison. What is asked for in the same order is the same on both: numbers come from a seed, and
 * what an operation must overwrite is poisoned.
 */
final class Side {
    private final Kernels kernels;
    private final Workspace memory;
    private final DType activations;
    private final SplittableRandom random;
    private final List<Tensor> results = new ArrayList<>();

    /** @param activations what activations are stored as */
    Side(Kernels kernels, Workspace memory, DType activations, long seed) {
        this.kernels = kernels;
        this.memory = memory;
        this.activations = activations;
        random = new SplittableRandom(seed);
    }

    Kernels kernels() {
        return kernels;
    }

    Workspace memory() {
        return memory;
    }

    DType activations() {
        return activations;
    }

    /** A number from {@code least} to {@code most}. */
    int between(int least, int most) {
        return random.nextInt(least, most + 1);
    }

    /** Random numbers around zero, F32. */
    Tensor floats(long... shape) {
        return stored(DType.F32, shape);
    }

    /** Random activations. */
    Tensor reals(long... shape) {
        return stored(activations, shape);
    }

    Tensor stored(DType type, long... shape) {
        Tensor tensor = memory.take(type, shape);
        float[] values = new float[Math.toIntExact(tensor.size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (random.nextDouble() + random.nextDouble() + random.nextDouble() - 1.5);
        }
        kernels.upload(values, 0, tensor);
        return tensor;
    }

    /** Random numbers from 0.5 to 1.5, F32. */
    Tensor positive(long... shape) {
        Tensor tensor = memory.take(shape);
        float[] values = new float[Math.toIntExact(tensor.size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (0.5 + random.nextDouble());
        }
        kernels.upload(values, 0, tensor);
        return tensor;
    }

    /** Random numbers from 0 to {@code limit - 1}. */
    Tensor ints(int size, int limit) {
        return ints(random.ints(size, 0, limit).toArray());
    }

    Tensor ints(int... values) {
        Tensor tensor = memory.take(DType.I32, values.length);
        kernels.upload(values, tensor);
        return tensor;
    }

    /** Activations to be overwritten, which are compared. */
    Tensor result(long... shape) {
        return result(poisoned(activations, shape));
    }

    /** F32 to be overwritten, which are compared. */
    Tensor floatResult(long... shape) {
        return result(poisoned(DType.F32, shape));
    }

    /** What else is compared. */
    Tensor result(Tensor tensor) {
        results.add(tensor);
        return tensor;
    }

    Tensor poisoned(DType type, long... shape) {
        Tensor tensor = memory.take(type, shape);
        float[] values = new float[Math.toIntExact(tensor.size())];
        Arrays.fill(values, Float.NaN);
        kernels.upload(values, 0, tensor);
        return tensor;
    }

    /** What all results hold, in the order in which they were asked for. */
    List<float[]> read() {
        List<float[]> all = new ArrayList<>();
        for (Tensor result : results) {
            float[] values = new float[Math.toIntExact(result.size())];
            kernels.download(result, values, 0);
            all.add(values);
        }
        return all;
    }
}
