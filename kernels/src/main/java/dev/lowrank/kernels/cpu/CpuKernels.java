package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Activation;
import dev.lowrank.kernels.AdamW8State;
import dev.lowrank.kernels.AdamWStep;
import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.FeedForwardLayers;
import dev.lowrank.kernels.FeedForwardState;
import dev.lowrank.kernels.FrozenMatrix;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.LossSum;
import dev.lowrank.kernels.LowRankBranch;
import dev.lowrank.kernels.LowRankGradient;
import dev.lowrank.kernels.LowRankLayer;
import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Packed;
import dev.lowrank.kernels.PhantomKernels;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Term;
import dev.lowrank.kernels.TokenLoss;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.memory.StackedWorkspace;
import dev.lowrank.kernels.shapes.FeedForwardShapes;
import dev.lowrank.kernels.shapes.LowRankShapes;
import dev.lowrank.kernels.shapes.ProductShapes;
import dev.lowrank.kernels.shapes.TransferShapes;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The kernels on the CPU, in fp32. Several may be open at once; each has its own threads. Closing one ends its threads
 * but leaves its workspaces to their owners.
 */
public final class CpuKernels implements Kernels {
    private final Team team;
    private final String device;
    private final Workspace copies;
    private final AttentionTools[] tools;
    private final Elementwise elementwise;
    private final Columns columns;
    private final Reductions reductions;
    private final Bf16Matmul half;
    private final Matmul matmul;
    private final LowRankProducts lowRank;
    private final FeedForwardProducts feedForward;
    private final Embedding embedding;
    private final RmsNorm rmsNorm;
    private final LayerNorm layerNorm;
    private final Rope rope;
    private final AttentionByType attention;
    private final Activating activating;
    private final Dropout dropout;
    private final Noise noise;
    private final CrossEntropy crossEntropy;
    private final AdamW adamW;
    private final AdamW8 adamW8;
    private final Nf4Quantizer nf4Quantizer;
    private final Nf4Dequantizer nf4Dequantizer;

    private CpuKernels(int threads, boolean multipliesBf16, Supplier<AttentionTools> ofAttention) {
        device = "CPU, %d %s, %s, %sfp32 by oneDNN %s"
                .formatted(
                        threads,
                        threads == 1 ? "thread" : "threads",
                        vectors(),
                        multipliesBf16 ? OneDnn.hasAmx() ? "bf16 by AMX, " : "bf16, " : "",
                        OneDnn.version());
        team = new Team(threads);
        elementwise = new Elementwise(team);
        columns = new Columns(team);
        reductions = new Reductions(team);
        half = new Bf16Matmul(team, new FreshPages());
        matmul = new Matmul(team, half);
        lowRank = new LowRankProducts(team, half);
        feedForward = new FeedForwardProducts(team, half);
        embedding = new Embedding(team);
        rmsNorm = new RmsNorm(team);
        layerNorm = new LayerNorm(team);
        rope = new Rope(team);
        copies = workspace();
        tools = new AttentionTools[multipliesBf16 ? threads : 0];
        Arrays.setAll(tools, part -> ofAttention.get());
        attention = new AttentionByType(team, tools, elementwise, copies);
        activating = new Activating(team);
        dropout = new Dropout(team);
        noise = new Noise(team);
        crossEntropy = new CrossEntropy(team, matmul, half);
        adamW = new AdamW(team);
        adamW8 = new AdamW8(team);
        nf4Quantizer = new Nf4Quantizer(team);
        nf4Dequantizer = new Nf4Dequantizer(team);
    }

    /** Opens the CPU with as many threads as it has processors. */
    public static CpuKernels open() {
        return open(Runtime.getRuntime().availableProcessors());
    }

    /**
     * Opens the CPU with a fixed number of threads, the caller of each operation being one of them.
     *
     * @throws IllegalArgumentException when {@code threads} is below 1
     * @throws IllegalStateException when oneDNN or the Vector API is missing
     */
    public static CpuKernels open(int threads) {
        return open(threads, true, AttentionTools::best);
    }

    /**
     * @param bf16 whether BF16 products may be the processor's own, where it has them
     * @param ofAttention makes what each thread computes attention on BF16 with
     */
    static CpuKernels open(int threads, boolean bf16, Supplier<AttentionTools> ofAttention) {
        if (threads < 1) {
            throw new IllegalArgumentException("The CPU needs at least 1 thread, but was given %d.".formatted(threads));
        }
        try {
            return new CpuKernels(threads, bf16 && OneDnn.multipliesBf16(), ofAttention);
        } catch (LinkageError e) {
            Throwable reason = e.getCause() == null ? e : e.getCause();
            throw new IllegalStateException(
                    "The CPU kernels cannot start (%s); they need oneDNN's jar for this platform and a JVM started with --add-modules jdk.incubator.vector."
                            .formatted(reason.getMessage()),
                    e);
        }
    }

    @Override
    public String device() {
        return device;
    }

    @Override
    public boolean multipliesBf16() {
        return OneDnn.multipliesBf16();
    }

    @Override
    public OptionalLong freeBytes() {
        return OptionalLong.empty();
    }

    @Override
    public boolean computes() {
        return true;
    }

    @Override
    public PhantomKernels phantom() {
        return CpuPhantom.of(this, team.size());
    }

    @Override
    public Workspace workspace() {
        return new StackedWorkspace(new FreshPages());
    }

    @Override
    public Workspace pagedWorkspace(Path folder) {
        return new StackedWorkspace(new MappedChunks(folder));
    }

    @Override
    public void upload(float[] source, int offset, Tensor target) {
        TransferShapes.upload(source, offset, target);
        Floats to = Floats.of(target);
        team.elements(target.size(), (from, end) -> to.write(source, offset + (int) from, from, (int) (end - from)));
    }

    @Override
    public void upload(int[] source, Tensor target) {
        TransferShapes.upload(source, target);
        MemorySegment.copy(source, 0, target.data(), ValueLayout.JAVA_INT, 0, source.length);
    }

    @Override
    public void upload(MemorySegment source, Tensor target) {
        TransferShapes.upload(source, target);
        MemorySegment.copy(source, 0, target.data(), 0, source.byteSize());
    }

    @Override
    public void download(Tensor source, MemorySegment target) {
        TransferShapes.download(source, target);
        MemorySegment.copy(source.data(), 0, target, 0, target.byteSize());
    }

    @Override
    public void download(Tensor source, float[] target, int offset) {
        TransferShapes.download(source, target, offset);
        Floats from = Floats.of(source);
        team.elements(
                source.size(), (begin, end) -> from.read(begin, target, offset + (int) begin, (int) (end - begin)));
    }

    @Override
    public void copy(Tensor source, Tensor target) {
        elementwise.copy(source, target);
    }

    @Override
    public void convert(Tensor source, Tensor target) {
        elementwise.convert(source, target);
    }

    @Override
    public void zero(Tensor target) {
        elementwise.zero(target);
    }

    @Override
    public void scale(Tensor target, float factor) {
        elementwise.scale(target, factor);
    }

    @Override
    public void add(Tensor x, Tensor y, Tensor out) {
        elementwise.add(x, y, out);
    }

    @Override
    public void softCap(Tensor x, float cap) {
        SoftCap.run(team, x, cap);
    }

    @Override
    public void addBias(Tensor x, Tensor bias) {
        columns.addBias(x, bias);
    }

    @Override
    public void columnSums(Tensor dy, Tensor dBias) {
        columns.sums(dy, dBias);
    }

    @Override
    public void copyColumns(Tensor source, int sourceColumn, Tensor target, int targetColumn, int columns) {
        this.columns.copy(source, sourceColumn, target, targetColumn, columns);
    }

    @Override
    public void scaleColumns(Tensor x, Tensor factor, Tensor out) {
        columns.scale(x, factor, out);
    }

    @Override
    public void scaleColumnsBackward(
            Tensor dy, Tensor x, Tensor factor, @Nullable Tensor dX, @Nullable Tensor dFactor) {
        columns.scaleBackward(dy, x, factor, dX, dFactor);
    }

    @Override
    public void rowNorms(Tensor x, Tensor out) {
        reductions.rowNorms(x, out);
    }

    @Override
    public double sumOfSquares(Tensor x) {
        return reductions.sumOfSquares(x);
    }

    @Override
    public boolean allFinite(Tensor x) {
        return reductions.allFinite(x);
    }

    @Override
    public void matmul(Tensor a, boolean transposeA, Tensor b, boolean transposeB, float alpha, float beta, Tensor c) {
        matmul.run(a, transposeA, b, transposeB, alpha, beta, c);
    }

    @Override
    public Packed pack(Tensor matrix, Workspace memory) {
        ProductShapes.pack(matrix);
        return half.pack(matrix, memory);
    }

    @Override
    public Packed packTable(Tensor matrix, Workspace memory) {
        ProductShapes.packTable(matrix);
        return half.pack(matrix, TiledEntropy.TILE, memory);
    }

    @Override
    public void unpack(Packed matrix, Tensor out) {
        ProductShapes.unpack(matrix, out);
        half.unpack(matrix, out);
    }

    @Override
    public void matmul(Tensor a, FrozenMatrix b, boolean transposeB, @Nullable Term term, float beta, Tensor c) {
        matmul.run(a, b, transposeB, term, beta, c);
    }

    @Override
    public void lowRank(Tensor x, LowRankLayer layer, @Nullable Tensor base, Tensor h, Tensor y) {
        LowRankShapes.lowRank(x, layer, base, h, y);
        if (x.dtype() == DType.BF16 && h.dtype() == DType.BF16) {
            lowRank.forward(x, layer, base, h, y);
            return;
        }
        if (base != null && base != y) {
            copy(base, y);
        }
        float beta = base == null ? 0 : 1;
        matmul.run(x, false, layer.a(), true, 1, 0, h);
        matmul.run(x, layer.weight(), !layer.transposed(), new Term(h, layer.b(), true, layer.scale()), beta, y);
    }

    @Override
    public void lowRankBackward(
            Tensor dy,
            Tensor x,
            Tensor h,
            LowRankLayer layer,
            @Nullable Tensor dA,
            @Nullable Tensor dB,
            float beta,
            @Nullable Tensor dx) {
        LowRankShapes.lowRankBackward(dy, x, h, layer, dA, dB, beta, dx);
        boolean half = x.dtype() == DType.BF16 && h.dtype() == DType.BF16 && (dx == null || dx.dtype() == DType.BF16);
        if (half) {
            List<LowRankBranch> one = List.of(new LowRankBranch(layer, h, dy));
            lowRank.backward(x, one, List.of(new LowRankGradient(dA, dB)), beta, dx);
            return;
        }
        if (dB != null) {
            matmul.run(dy, true, h, false, layer.scale(), 1, dB);
        }
        try (Workspace memory = workspace()) {
            Tensor t = memory.take(h.dtype(), h.shape());
            matmul.run(dy, false, layer.b(), false, layer.scale(), 0, t);
            if (dA != null) {
                matmul.run(t, true, x, false, 1, 1, dA);
            }
            if (dx != null) {
                matmul.run(dy, layer.weight(), layer.transposed(), new Term(t, layer.a(), false, 1), beta, dx);
            }
        }
    }

    @Override
    public void lowRankBranches(Tensor x, List<LowRankBranch> branches) {
        LowRankShapes.lowRankBranches(x, branches);
        lowRank.forward(x, branches);
    }

    @Override
    public void lowRankBranchesBackward(
            Tensor x, List<LowRankBranch> branches, List<LowRankGradient> gradients, float beta, @Nullable Tensor dx) {
        LowRankShapes.lowRankBranchesBackward(x, branches, gradients, beta, dx);
        lowRank.backward(x, branches, gradients, beta, dx);
    }

    @Override
    public void feedForward(
            Tensor x, FeedForwardLayers layers, @Nullable Tensor base, FeedForwardState kept, Tensor out) {
        FeedForwardShapes.feedForward(x, layers, base, kept, out);
        feedForward.forward(x, layers, base, kept, out);
    }

    @Override
    public void feedForwardBackward(
            Tensor dOut,
            Tensor x,
            FeedForwardLayers layers,
            FeedForwardState kept,
            LowRankGradient gate,
            LowRankGradient up,
            LowRankGradient down,
            @Nullable Tensor dx) {
        FeedForwardShapes.feedForwardBackward(dOut, x, layers, kept, gate, up, down, dx);
        feedForward.backward(dOut, x, layers, kept, gate, up, down, dx);
    }

    @Override
    public void embedding(Tensor ids, Tensor table, Tensor out) {
        embedding.forward(ids, table, out);
    }

    @Override
    public void embedding(Tensor ids, Packed table, Tensor out) {
        embedding.forward(ids, table, out);
    }

    @Override
    public void embeddingBackward(Tensor ids, Tensor dOut, Tensor dTable) {
        embedding.backward(ids, dOut, dTable);
    }

    @Override
    public void rmsNorm(Tensor x, Tensor weight, float offset, float epsilon, Tensor y, Tensor rstd) {
        rmsNorm.forward(x, weight, offset, epsilon, y, rstd);
    }

    @Override
    public void rmsNormBackward(
            Tensor dy,
            Tensor x,
            Tensor weight,
            float offset,
            Tensor rstd,
            @Nullable Tensor dx,
            @Nullable Tensor dWeight) {
        rmsNorm.backward(dy, x, weight, offset, rstd, dx, dWeight);
    }

    @Override
    public void rope(Tensor x, int heads, Tensor positions, Tensor cos, Tensor sin, boolean transposed) {
        rope.run(x, heads, positions, cos, sin, transposed);
    }

    @Override
    public void layerNorm(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y, Tensor mean, Tensor rstd) {
        layerNorm.forward(x, weight, bias, epsilon, y, mean, rstd);
    }

    @Override
    public void layerNormBackward(
            Tensor dy,
            Tensor x,
            Tensor weight,
            Tensor mean,
            Tensor rstd,
            @Nullable Tensor dx,
            @Nullable Tensor dWeight,
            @Nullable Tensor dBias) {
        layerNorm.backward(dy, x, weight, mean, rstd, dx, dWeight, dBias);
    }

    @Override
    public void attention(
            Tensor q, Tensor k, Tensor v, Sequences sequences, AttentionShape shape, Tensor out, @Nullable Tensor lse) {
        attention.forward(q, k, v, sequences, shape, out, lse);
    }

    @Override
    public void attentionBackward(
            Tensor dOut,
            Tensor q,
            Tensor k,
            Tensor v,
            Tensor out,
            Tensor lse,
            Sequences sequences,
            AttentionShape shape,
            Tensor dQ,
            Tensor dK,
            Tensor dV) {
        attention.backward(dOut, q, k, v, out, lse, sequences, shape, dQ, dK, dV);
    }

    @Override
    public void gated(Activation activation, Tensor gate, Tensor up, Tensor out) {
        activating.gated(activation, gate, up, out);
    }

    @Override
    public void gatedBackward(Activation activation, Tensor dOut, Tensor gate, Tensor up, Tensor dGate, Tensor dUp) {
        activating.gatedBackward(activation, dOut, gate, up, dGate, dUp);
    }

    @Override
    public void activation(Activation activation, Tensor x, Tensor out) {
        activating.forward(activation, x, out);
    }

    @Override
    public void activationBackward(Activation activation, Tensor dOut, Tensor x, Tensor dX) {
        activating.backward(activation, dOut, x, dX);
    }

    @Override
    public void dropout(Tensor x, float rate, long key, boolean accumulate, Tensor out) {
        dropout.run(x, rate, key, accumulate, out);
    }

    @Override
    public void addUniformNoise(Tensor x, float bound, long key) {
        noise.addUniform(x, bound, key);
    }

    @Override
    public LossSum linearCrossEntropy(
            Tensor hidden,
            Tensor weight,
            TokenLoss target,
            @Nullable Tensor losses,
            @Nullable Tensor dHidden,
            @Nullable Tensor dWeight,
            Workspace scratch) {
        return crossEntropy.run(hidden, weight, target, losses, dHidden, dWeight, scratch);
    }

    @Override
    public LossSum linearCrossEntropy(
            Tensor hidden,
            Packed weight,
            TokenLoss target,
            @Nullable Tensor losses,
            @Nullable Tensor dHidden,
            Workspace scratch) {
        return crossEntropy.run(hidden, weight, target, losses, dHidden, scratch);
    }

    @Override
    public void adamW(Tensor parameter, Tensor gradient, Tensor m, Tensor v, AdamWStep step) {
        adamW.run(parameter, gradient, m, v, step);
    }

    @Override
    public void adamW8bit(Tensor parameter, Tensor gradient, AdamW8State state, AdamWStep step) {
        adamW8.run(parameter, gradient, state, step);
    }

    @Override
    public void quantizeNf4(Tensor source, Nf4 target) {
        nf4Quantizer.run(source, target);
    }

    @Override
    public void dequantizeNf4(Nf4 source, Tensor out) {
        nf4Dequantizer.run(source, out);
    }

    @Override
    public void close() {
        team.close();
        half.close();
        lowRank.close();
        feedForward.close();
        copies.close();
        for (AttentionTools one : tools) {
            one.close();
        }
    }

    /** What is kept for products and attention, beside what little every operation needs. */
    long ownBytes() {
        return half.bytes()
                + lowRank.unpackedBytes()
                + feedForward.unpackedBytes()
                + team.scratchBytes()
                + copies.peak();
    }

    private static String vectors() {
        int bits = Lanes.F.vectorBitSize();
        boolean x86 = System.getProperty("os.arch").matches("amd64|x86_64");
        if (x86 && bits == 512) {
            return "AVX-512";
        }
        return x86 && bits == 256 ? "AVX2" : bits + "-bit vectors";
    }
}
