package dev.lowrank.kernels.bench;

import dev.lowrank.kernels.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** x W^T, dy W and dy^T x of a linear layer, for x [2048, in] and W [out, in]. */
public class MatmulBenchmark extends OperationBenchmark {
    /** The feed-forward layers, one of attention, and an adapter's two. */
    @Param({"576x1536", "1536x576", "576x576", "576x16", "16x1536"})
    public String layer = "";

    private Tensor x;
    private Tensor weight;
    private Tensor y;

    @Setup
    public void prepare(Device device) {
        String[] sides = layer.split("x", -1);
        int in = Integer.parseInt(sides[0]);
        int out = Integer.parseInt(sides[1]);
        x = device.uniform(Device.TOKENS, in);
        weight = device.uniform(out, in);
        y = device.uniform(Device.TOKENS, out);
    }

    @Benchmark
    public void forward(Device device) {
        device.kernels.matmul(x, false, weight, true, 1, 0, y);
    }

    @Benchmark
    public void backwardToInput(Device device) {
        device.kernels.matmul(y, false, weight, false, 1, 0, x);
    }

    @Benchmark
    public void backwardToWeight(Device device) {
        device.kernels.matmul(y, true, x, false, 1, 0, weight);
    }
}
