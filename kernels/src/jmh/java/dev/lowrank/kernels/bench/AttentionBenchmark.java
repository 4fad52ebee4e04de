package dev.lowrank.kernels.bench;

import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Causal attention over 2048 tokens in sequences of a length. */
public class AttentionBenchmark extends OperationBenchmark {
    @Param({"128", "512", "2048"})
    public int length;

    private final AttentionShape shape = AttentionShape.causal(Device.HEADS, Device.KEY_HEADS, 0.125f);
    private Sequences sequences = Sequences.ofStarts(new int[] {0, 0});
    private Tensor q;
    private Tensor k;
    private Tensor v;
    private Tensor out;
    private Tensor lse;
    private Tensor dOut;
    private Tensor dQ;
    private Tensor dK;
    private Tensor dV;

    @Setup
    public void prepare(Device device) {
        int[] starts = new int[Device.TOKENS / length + 1];
        for (int s = 0; s < starts.length; s++) {
            starts[s] = s * length;
        }
        sequences = Sequences.ofStarts(starts);
        long queries = Device.HEADS * Device.HEAD_WIDTH;
        long keys = Device.KEY_HEADS * Device.HEAD_WIDTH;
        q = device.uniform(Device.TOKENS, queries);
        k = device.uniform(Device.TOKENS, keys);
        v = device.uniform(Device.TOKENS, keys);
        out = device.empty(Device.TOKENS, queries);
        lse = device.empty(Device.TOKENS, Device.HEADS);
        dOut = device.uniform(Device.TOKENS, queries);
        dQ = device.empty(Device.TOKENS, queries);
        dK = device.empty(Device.TOKENS, keys);
        dV = device.empty(Device.TOKENS, keys);
        forward(device);
    }

    @Benchmark
    public void forward(Device device) {
        device.kernels.attention(q, k, v, sequences, shape, out, lse);
    }

    @Benchmark
    public void backward(Device device) {
        device.kernels.attentionBackward(dOut, q, k, v, out, lse, sequences, shape, dQ, dK, dV);
    }
}
