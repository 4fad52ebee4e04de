package dev.lowrank.kernels.bench;

import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** A feed-forward layer's weight, [1536, 576], back from 4 bits. */
public class Nf4Benchmark extends OperationBenchmark {
    @Param({"true", "false"})
    public boolean doubleQuantized;

    private Nf4 weight;
    private Tensor dense;

    @Setup
    public void prepare(Device device) {
        weight = Nf4.allocate(device.memory, Device.FEED_FORWARD, Device.WIDTH, doubleQuantized);
        dense = device.uniform(Device.FEED_FORWARD, Device.WIDTH);
        device.kernels.quantizeNf4(dense, weight);
    }

    @Benchmark
    public void dequantize(Device device) {
        device.kernels.dequantizeNf4(weight, dense);
    }
}
