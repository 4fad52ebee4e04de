package dev.lowrank.kernels.bench;

import dev.lowrank.kernels.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Setup;

/** Normalisation of the stream, [2048, 576], with a frozen weight. */
public class RmsNormBenchmark extends OperationBenchmark {
    private Tensor x;
    private Tensor weight;
    private Tensor y;
    private Tensor rstd;
    private Tensor dx;

    @Setup
    public void prepare(Device device) {
        x = device.uniform(Device.TOKENS, Device.WIDTH);
        weight = device.filled(1, Device.WIDTH);
        y = device.empty(Device.TOKENS, Device.WIDTH);
        rstd = device.empty(Device.TOKENS);
        dx = device.zeros(Device.TOKENS, Device.WIDTH);
        forward(device);
    }

    @Benchmark
    public void forward(Device device) {
        device.kernels.rmsNorm(x, weight, 0, 1e-6f, y, rstd);
    }

    @Benchmark
    public void backward(Device device) {
        device.kernels.rmsNormBackward(y, x, weight, 0, rstd, dx, null);
    }
}
