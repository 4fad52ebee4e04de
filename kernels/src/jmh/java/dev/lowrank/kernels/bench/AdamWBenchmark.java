package dev.lowrank.kernels.bench;

import dev.lowrank.kernels.AdamW8State;
import dev.lowrank.kernels.AdamWStep;
import dev.lowrank.kernels.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** An update of one parameter: an adapter's, or a weight of the base. */
public class AdamWBenchmark extends OperationBenchmark {
    @Param({"9216", "884736"})
    public int values;

    private final AdamWStep step = new AdamWStep(3, 1e-4, 0.9, 0.999, 1e-8, 0.01);
    private Tensor parameter;
    private Tensor gradient;
    private Tensor m;
    private Tensor v;
    private AdamW8State coded;

    @Setup
    public void prepare(Device device) {
        parameter = device.uniform(values);
        gradient = device.uniform(values);
        m = device.zeros(values);
        v = device.zeros(values);
        coded = AdamW8State.zero(device.kernels, device.memory, values);
    }

    @Benchmark
    public void whole(Device device) {
        device.kernels.adamW(parameter, gradient, m, v, step);
    }

    @Benchmark
    public void eightBit(Device device) {
        device.kernels.adamW8bit(parameter, gradient, coded, step);
    }

    @Benchmark
    public double sumOfSquares(Device device) {
        return device.kernels.sumOfSquares(gradient);
    }
}
