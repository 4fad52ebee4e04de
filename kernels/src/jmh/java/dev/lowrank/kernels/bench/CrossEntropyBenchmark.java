package dev.lowrank.kernels.bench;

import dev.lowrank.kernels.LossSum;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.TokenLoss;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Setup;

/** Projection on 49,152 words and cross-entropy of 2048 tokens, with a frozen head. */
public class CrossEntropyBenchmark extends OperationBenchmark {
    private Tensor hidden;
    private Tensor head;
    private Tensor dHidden;
    private TokenLoss target;

    @Setup
    public void prepare(Device device) {
        hidden = device.uniform(Device.TOKENS, Device.WIDTH);
        head = device.uniform(Device.VOCABULARY, Device.WIDTH);
        dHidden = device.empty(Device.TOKENS, Device.WIDTH);
        target = new TokenLoss(device.labels(Device.TOKENS, Device.VOCABULARY), 1, null, 0);
    }

    @Benchmark
    public LossSum forward(Device device) {
        return device.kernels.linearCrossEntropy(hidden, head, target, null, null, null, device.memory);
    }

    @Benchmark
    public LossSum forwardAndBackward(Device device) {
        return device.kernels.linearCrossEntropy(hidden, head, target, null, dHidden, null, device.memory);
    }
}
