package dev.lowrank.kernels.bench;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.cpu.CpuKernels;
import java.util.Arrays;
import java.util.Random;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** Open kernels, memory, and random numbers to fill it with. Sizes are those of SmolLM2-135M, 4 rows of 512 tokens. */
@State(Scope.Benchmark)
public class Device {
    static final int SEQUENCES = 4;
    static final int LENGTH = 512;
    static final int TOKENS = SEQUENCES * LENGTH;
    static final int WIDTH = 576;
    static final int FEED_FORWARD = 1536;
    static final int HEADS = 9;
    static final int KEY_HEADS = 3;
    static final int HEAD_WIDTH = 64;
    static final int VOCABULARY = 49_152;

    /** 0 for as many as there are processors. */
    @Param("0")
    public int threads;

    Kernels kernels;
    Workspace memory;
    private final Random random = new Random(1);

    @Setup(Level.Trial)
    public void open() {
        kernels = threads == 0 ? CpuKernels.open() : CpuKernels.open(threads);
        memory = kernels.workspace();
    }

    @TearDown(Level.Trial)
    public void close() {
        memory.close();
        kernels.close();
    }

    Tensor empty(long... shape) {
        return memory.take(shape);
    }

    Tensor zeros(long... shape) {
        return filled(0, shape);
    }

    Tensor filled(float value, long... shape) {
        Tensor tensor = memory.take(shape);
        float[] values = new float[Math.toIntExact(tensor.size())];
        Arrays.fill(values, value);
        kernels.upload(values, 0, tensor);
        return tensor;
    }

    /** Uniform in [-1/2, 1/2). */
    Tensor uniform(long... shape) {
        Tensor tensor = memory.take(shape);
        float[] values = new float[Math.toIntExact(tensor.size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat() - 0.5f;
        }
        kernels.upload(values, 0, tensor);
        return tensor;
    }

    Tensor labels(int rows, int below) {
        Tensor tensor = memory.take(DType.I32, rows);
        kernels.upload(random.ints(rows, 0, below).toArray(), tensor);
        return tensor;
    }
}
