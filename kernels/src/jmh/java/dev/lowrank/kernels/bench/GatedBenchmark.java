package dev.lowrank.kernels.bench;

import dev.lowrank.kernels.Activation;
import dev.lowrank.kernels.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Setup;

/** SwiGLU, [2048, 1536]. */
public class GatedBenchmark extends OperationBenchmark {
    private Tensor gate;
    private Tensor up;
    private Tensor out;
    private Tensor dGate;
    private Tensor dUp;

    @Setup
    public void prepare(Device device) {
        gate = device.uniform(Device.TOKENS, Device.FEED_FORWARD);
        up = device.uniform(Device.TOKENS, Device.FEED_FORWARD);
        out = device.uniform(Device.TOKENS, Device.FEED_FORWARD);
        dGate = device.empty(Device.TOKENS, Device.FEED_FORWARD);
        dUp = device.empty(Device.TOKENS, Device.FEED_FORWARD);
    }

    @Benchmark
    public void forward(Device device) {
        device.kernels.gated(Activation.SILU, gate, up, out);
    }

    @Benchmark
    public void backward(Device device) {
        device.kernels.gatedBackward(Activation.SILU, out, gate, up, dGate, dUp);
    }
}
