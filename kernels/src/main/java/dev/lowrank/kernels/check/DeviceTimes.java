package dev.lowrank.kernels.check;

import dev.lowrank.kernels.Activation;
import dev.lowrank.kernels.AdamWStep;
import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.LowRankLayer;
import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Packed;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.TokenLoss;
import dev.lowrank.kernels.Workspace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/** The time of single operations on BF16, at the sizes of a model's layer, as a share of what the device can do. */
public final class DeviceTimes {
    private static final int WARM = 3;
    private static final int TIMES = 10;

    private final Kernels kernels;
    private final Size size;
    private final Consumer<Timing> each;
    private final List<Timing> timings = new ArrayList<>();
    private double bytesPerSecond;
    private double flopsPerSecond;

    /**
     * A layer's sizes.
     *
     * @param tokens of a batch, in sequences of {@code length}
     * @param width of the model; a multiple of {@code heads}
     */
    public record Size(int tokens, int length, int width, int inner, int heads, int kvHeads, int rank, int vocabulary) {
        /** Of a model of eight billion parameters. */
        public static final Size LARGE = new Size(8192, 2048, 4096, 12_288, 32, 8, 16, 151_936);
    }

    /** @param each is told every time as it comes */
    public DeviceTimes(Kernels kernels, Size size, Consumer<Timing> each) {
        this.kernels = kernels;
        this.size = size;
        this.each = each;
    }

    /** Measures the device's best first, then operation after operation. */
    public List<Timing> run() {
        best();
        try (Workspace memory = kernels.workspace()) {
            long mark = memory.mark();
            for (Consumer<Workspace> part : List.<Consumer<Workspace>>of(
                    this::rows,
                    this::elements,
                    this::layer,
                    this::attention,
                    this::weights,
                    this::head,
                    this::update)) {
                part.accept(memory);
                memory.release(mark);
            }
        }
        return List.copyOf(timings);
    }

    private void best() {
        try (Workspace memory = kernels.workspace()) {
            Tensor x = filled(memory, 2 * size.tokens, size.width * 4);
            Tensor y = memory.take(DType.BF16, x.shape());
            double bytes = 2.0 * x.size() * DType.BF16.bytes();
            double seconds = measure(y, () -> kernels.copy(x, y));
            bytesPerSecond = bytes / seconds;
            add("copy", seconds, bytes, 0);
        }
        try (Workspace memory = kernels.workspace()) {
            Tensor a = filled(memory, size.tokens, size.width * 2);
            Tensor b = filled(memory, size.width * 2, size.width * 2);
            Tensor c = memory.take(DType.BF16, size.tokens, size.width * 2);
            double flops = 2.0 * a.size() * b.columns();
            double seconds = measure(c, () -> kernels.matmul(a, false, b, true, 1, 0, c));
            flopsPerSecond = flops / seconds;
            add("large product", seconds, 0, flops);
        }
    }

    private void rows(Workspace memory) {
        Tensor x = filled(memory, size.tokens, size.width);
        Tensor y = filled(memory, size.tokens, size.width);
        Tensor weight = memory.take(size.width);
        Tensor rstd = memory.take(size.tokens);
        kernels.zero(weight);
        double bytes = x.data().byteSize();
        time("rmsNorm", y, 2 * bytes, 0, () -> kernels.rmsNorm(x, weight, 1, 1e-6f, y, rstd));
        time("rmsNormBackward", y, 4 * bytes, 0, () -> kernels.rmsNormBackward(x, x, weight, 1, rstd, y, null));
        int half = size.width / size.heads / 2;
        Tensor angles = memory.take(size.length, half);
        kernels.zero(angles);
        Tensor positions = memory.take(DType.I32, size.tokens);
        kernels.upload(new int[size.tokens], positions);
        time("rope", y, 2 * bytes, 0, () -> kernels.rope(y, size.heads, positions, angles, angles, false));
    }

    private void elements(Workspace memory) {
        Tensor gate = filled(memory, size.tokens, size.inner);
        Tensor up = filled(memory, size.tokens, size.inner);
        Tensor out = memory.take(DType.BF16, gate.shape());
        double bytes = gate.data().byteSize();
        time("add", out, 3 * bytes, 0, () -> kernels.add(gate, up, out));
        time("gated", out, 3 * bytes, 0, () -> kernels.gated(Activation.SILU, gate, up, out));
        time("gatedBackward", out, 5 * bytes, 0, () -> kernels.gatedBackward(Activation.SILU, out, gate, up, gate, up));
        time("dropout", out, 2 * bytes, 0, () -> kernels.dropout(gate, 0.1f, 3, false, out));
    }

    private void layer(Workspace memory) {
        Tensor x = filled(memory, size.tokens, size.width);
        Tensor y = memory.take(DType.BF16, size.tokens, size.inner);
        Tensor h = memory.take(DType.BF16, size.tokens, size.rank);
        Packed weight = kernels.pack(filled(memory, size.inner, size.width), memory);
        Tensor a = memory.take(size.rank, size.width);
        Tensor b = memory.take(size.inner, size.rank);
        Tensor dx = memory.take(DType.BF16, x.shape());
        for (Tensor zero : List.of(a, b)) {
            kernels.zero(zero);
        }
        LowRankLayer layer = new LowRankLayer(weight, false, a, b, 2);
        double flops = 2.0 * size.tokens * size.width * size.inner;
        double thin = 2.0 * size.tokens * size.rank * (size.width + size.inner);
        time("lowRank", y, 0, flops + thin, () -> kernels.lowRank(x, layer, null, h, y));
        time("lowRankBackward", dx, 0, flops + 3 * thin, () -> kernels.lowRankBackward(y, x, h, layer, a, b, 0, dx));
    }

    private void attention(Workspace memory) {
        int width = size.width / size.heads;
        Tensor q = filled(memory, size.tokens, size.width);
        Tensor k = filled(memory, size.tokens, size.kvHeads * width);
        Tensor v = filled(memory, size.tokens, size.kvHeads * width);
        Tensor out = memory.take(DType.BF16, q.shape());
        Tensor dq = memory.take(DType.BF16, q.shape());
        Tensor dk = memory.take(DType.BF16, k.shape());
        Tensor dv = memory.take(DType.BF16, k.shape());
        Tensor lse = memory.take(size.tokens, size.heads);
        int[] starts = new int[size.tokens / size.length + 1];
        Arrays.setAll(starts, i -> i * size.length);
        Sequences sequences = Sequences.ofStarts(starts);
        AttentionShape shape = AttentionShape.causal(size.heads, size.kvHeads, (float) (1 / Math.sqrt(width)));
        double flops = 4.0 * sequences.pairs(0) * size.width;
        time("attention", out, 0, flops, () -> kernels.attention(q, k, v, sequences, shape, out, lse));
        time(
                "attentionBackward",
                dv,
                0,
                2.5 * flops,
                () -> kernels.attentionBackward(q, q, k, v, out, lse, sequences, shape, dq, dk, dv));
    }

    private void weights(Workspace memory) {
        Nf4 weight = Nf4.allocate(memory, size.inner, size.width, true);
        Tensor dense = memory.take(size.inner, size.width);
        kernels.zero(dense);
        kernels.quantizeNf4(dense, weight);
        Tensor out = memory.take(DType.BF16, dense.shape());
        time(
                "dequantizeNf4",
                out,
                (double) weight.bytes() + out.data().byteSize(),
                0,
                () -> kernels.dequantizeNf4(weight, out));
    }

    private void head(Workspace memory) {
        Tensor hidden = filled(memory, size.tokens, size.width);
        Tensor dHidden = memory.take(DType.BF16, hidden.shape());
        Packed weight = kernels.packTable(filled(memory, size.vocabulary, size.width), memory);
        Tensor labels = memory.take(DType.I32, size.tokens);
        kernels.upload(new int[size.tokens], labels);
        TokenLoss target = TokenLoss.of(labels, 1f / size.tokens);
        double flops = 4.0 * size.tokens * size.width * size.vocabulary;
        time(
                "linearCrossEntropy",
                dHidden,
                0,
                flops,
                () -> kernels.linearCrossEntropy(hidden, weight, target, null, dHidden, memory));
    }

    private void update(Workspace memory) {
        Tensor[] all = new Tensor[4];
        for (int i = 0; i < all.length; i++) {
            all[i] = memory.take((long) size.inner * size.width);
            kernels.zero(all[i]);
        }
        AdamWStep step = new AdamWStep(1, 1e-4, 0.9, 0.999, 1e-8, 0);
        double bytes = 7.0 * all[0].data().byteSize();
        time("adamW", all[0], bytes, 0, () -> kernels.adamW(all[0], all[1], all[2], all[3], step));
    }

    /** Numbers that are not all alike, since zeros may run faster. */
    private Tensor filled(Workspace memory, int rows, int columns) {
        Tensor tensor = memory.take(DType.BF16, rows, columns);
        kernels.zero(tensor);
        kernels.addUniformNoise(tensor, 1, rows * 31L + columns);
        return tensor;
    }

    private void time(String operation, Tensor written, double bytes, double flops, Runnable work) {
        add(operation, measure(written, work), bytes, flops);
    }

    private void add(String operation, double seconds, double bytes, double flops) {
        double share = bytes > 0 ? bytes / seconds / bytesPerSecond : flops / seconds / flopsPerSecond;
        Timing timing = new Timing(operation, seconds, bytes, flops, share);
        timings.add(timing);
        each.accept(timing);
    }

    /** The median over {@value #TIMES} runs, each until its result can be read. */
    private double measure(Tensor written, Runnable work) {
        float[] one = new float[1];
        Tensor first = written.reshape(written.size()).slice(0, 1);
        double[] seconds = new double[TIMES];
        for (int i = -WARM; i < TIMES; i++) {
            kernels.download(first, one, 0);
            long began = System.nanoTime();
            work.run();
            kernels.download(first, one, 0);
            if (i >= 0) {
                seconds[i] = (System.nanoTime() - began) / 1e9;
            }
        }
        Arrays.sort(seconds);
        return seconds[TIMES / 2];
    }
}
