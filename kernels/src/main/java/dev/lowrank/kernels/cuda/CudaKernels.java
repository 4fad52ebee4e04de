package dev.lowrank.kernels.cuda;

import dev.lowrank.kernels.Activation;
import dev.lowrank.kernels.AdamW8State;
import dev.lowrank.kernels.AdamWStep;
import dev.lowrank.kernels.AttentionShape;
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
import dev.lowrank.kernels.shapes.AttentionShapes;
import dev.lowrank.kernels.shapes.ColumnShapes;
import dev.lowrank.kernels.shapes.ElementwiseShapes;
import dev.lowrank.kernels.shapes.FeedForwardShapes;
import dev.lowrank.kernels.shapes.HeadShapes;
import dev.lowrank.kernels.shapes.LowRankShapes;
import dev.lowrank.kernels.shapes.Nf4Shapes;
import dev.lowrank.kernels.shapes.NormShapes;
import dev.lowrank.kernels.shapes.OptimizerShapes;
import dev.lowrank.kernels.shapes.ProductShapes;
import dev.lowrank.kernels.shapes.ReductionShapes;
import dev.lowrank.kernels.shapes.TransferShapes;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The kernels on a CUDA device. Closing it gives back all that it holds of its own; workspaces are left to their owners, who close
 * them before.
 */
public final class CudaKernels implements Kernels {
    private final Driver driver;
    private final Device device;
    private final Transfers transfers;
    private final Columns columns;
    private final Reductions reductions;
    private final Norms norms;
    private final Nf4Codes codes;
    private final Products products;
    private final LowRank lowRank;
    private final FeedForward feedForward;
    private final Attention attention;
    private final CrossEntropy crossEntropy;
    private final DynamicMaps maps;
    private final Optimizers optimizers;
    private boolean closed;

    /**
     * Opens a GPU.
     *
     * @param number which of the machine's, from 0 on
     * @throws dev.lowrank.kernels.DeviceException if it cannot be used
     */
    public static CudaKernels open(int number) {
        return new CudaKernels(JcudaDriver.open(number));
    }

    /** Takes the driver over: it is closed with the kernels. */
    CudaKernels(Driver driver) {
        this.driver = driver;
        device = new Device(driver);
        transfers = new Transfers(device);
        columns = new Columns(device);
        reductions = new Reductions(device);
        norms = new Norms(device);
        codes = new Nf4Codes(device);
        products = new Products(device, codes);
        lowRank = new LowRank(device, products);
        feedForward = new FeedForward(device, lowRank);
        attention = new Attention(device);
        crossEntropy = new CrossEntropy(device, products);
        maps = new DynamicMaps(device);
        optimizers = new Optimizers(device, maps);
    }

    @Override
    public String device() {
        return device.name();
    }

    @Override
    public boolean multipliesBf16() {
        return true;
    }

    @Override
    public OptionalLong freeBytes() {
        return OptionalLong.of(driver.freeBytes());
    }

    @Override
    public boolean computes() {
        return true;
    }

    @Override
    public PhantomKernels phantom() {
        return CudaPhantom.of(driver);
    }

    /** What the device keeps for its own use. */
    long ownBytes() {
        return device.scratch().peak() + maps.bytes();
    }

    /** @param closing called when it is about to be closed */
    StackedWorkspace watchedWorkspace(Consumer<StackedWorkspace> closing) {
        return device.workspace(closing);
    }

    @Override
    public Workspace workspace() {
        return device.workspace();
    }

    @Override
    public Workspace pagedWorkspace(Path folder) {
        return device.workspace();
    }

    @Override
    public void upload(float[] source, int offset, Tensor target) {
        TransferShapes.upload(source, offset, target);
        transfers.upload(source, offset, target);
    }

    @Override
    public void upload(int[] source, Tensor target) {
        TransferShapes.upload(source, target);
        transfers.upload(source, target);
    }

    @Override
    public void upload(MemorySegment source, Tensor target) {
        TransferShapes.upload(source, target);
        transfers.upload(source, target);
    }

    @Override
    public void download(Tensor source, float[] target, int offset) {
        TransferShapes.download(source, target, offset);
        transfers.download(source, target, offset);
    }

    @Override
    public void download(Tensor source, MemorySegment target) {
        TransferShapes.download(source, target);
        device.download(source, target);
    }

    @Override
    public void copy(Tensor source, Tensor target) {
        ElementwiseShapes.copy(source, target);
        transfers.copy(source, target);
    }

    @Override
    public void convert(Tensor source, Tensor target) {
        ElementwiseShapes.convert(source, target);
        device.convert(source, target);
    }

    @Override
    public void zero(Tensor target) {
        ElementwiseShapes.zero(target);
        transfers.zero(target);
    }

    @Override
    public void scale(Tensor target, float factor) {
        ElementwiseShapes.scale(target);
        device.launch("scale").with(target).with(factor).with(target.size()).overElements(target.size());
    }

    @Override
    public void add(Tensor x, Tensor y, Tensor out) {
        ElementwiseShapes.add(x, y, out);
        device.launch("add").with(x).with(y).with(out).with(out.size()).overElements(out.size());
    }

    @Override
    public void softCap(Tensor x, float cap) {
        ElementwiseShapes.softCap(x, cap);
        device.launch("softCap").with(x).with(cap).with(x.size()).overElements(x.size());
    }

    @Override
    public void addBias(Tensor x, Tensor bias) {
        ColumnShapes.addBias(x, bias);
        columns.addBias(x, bias);
    }

    @Override
    public void columnSums(Tensor dy, Tensor dBias) {
        ColumnShapes.columnSums(dy, dBias);
        columns.sums(dy, dBias);
    }

    @Override
    public void copyColumns(Tensor source, int sourceColumn, Tensor target, int targetColumn, int count) {
        ColumnShapes.copyColumns(source, sourceColumn, target, targetColumn, count);
        columns.copy(source, sourceColumn, target, targetColumn, count);
    }

    @Override
    public void scaleColumns(Tensor x, Tensor factor, Tensor out) {
        ColumnShapes.scaleColumns(x, factor, out);
        columns.scale(x, factor, false, out);
    }

    @Override
    public void scaleColumnsBackward(
            Tensor dy, Tensor x, Tensor factor, @Nullable Tensor dX, @Nullable Tensor dFactor) {
        ColumnShapes.scaleColumnsBackward(dy, x, factor, dX, dFactor);
        columns.scaleBackward(dy, x, factor, dX, dFactor);
    }

    @Override
    public void rowNorms(Tensor x, Tensor out) {
        ReductionShapes.rowNorms(x, out);
        reductions.rowNorms(x, out);
    }

    @Override
    public double sumOfSquares(Tensor x) {
        ReductionShapes.sumOfSquares(x);
        return reductions.sumOfSquares(x);
    }

    @Override
    public boolean allFinite(Tensor x) {
        ReductionShapes.allFinite(x);
        return reductions.allFinite(x);
    }

    @Override
    public void matmul(Tensor a, boolean transposeA, Tensor b, boolean transposeB, float alpha, float beta, Tensor c) {
        ProductShapes.matmul(a, transposeA, b, transposeB, c);
        products.run(a, transposeA, b, transposeB, alpha, beta, c);
    }

    @Override
    public Packed pack(Tensor matrix, Workspace memory) {
        ProductShapes.pack(matrix);
        return products.pack(matrix, memory);
    }

    @Override
    public Packed packTable(Tensor matrix, Workspace memory) {
        ProductShapes.packTable(matrix);
        return products.pack(matrix, memory);
    }

    @Override
    public void unpack(Packed matrix, Tensor out) {
        ProductShapes.unpack(matrix, out);
        device.convert(matrix.forward(), out);
    }

    @Override
    public void matmul(Tensor a, FrozenMatrix b, boolean transposeB, @Nullable Term term, float beta, Tensor c) {
        ProductShapes.matmul(a, b, transposeB, term, beta, c);
        products.run(a, b, transposeB, term, beta, c);
    }

    @Override
    public void lowRank(Tensor x, LowRankLayer layer, @Nullable Tensor base, Tensor h, Tensor y) {
        LowRankShapes.lowRank(x, layer, base, h, y);
        lowRank.forward(x, layer, base, h, y);
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
        lowRank.backward(dy, x, h, layer, dA, dB, beta, dx);
    }

    @Override
    public void lowRankBranches(Tensor x, List<LowRankBranch> branches) {
        LowRankShapes.lowRankBranches(x, branches);
        for (LowRankBranch branch : branches) {
            lowRank.forward(x, branch.layer(), null, branch.h(), branch.y());
        }
    }

    @Override
    public void lowRankBranchesBackward(
            Tensor x, List<LowRankBranch> branches, List<LowRankGradient> gradients, float beta, @Nullable Tensor dx) {
        LowRankShapes.lowRankBranchesBackward(x, branches, gradients, beta, dx);
        for (int i = 0; i < branches.size(); i++) {
            LowRankBranch branch = branches.get(i);
            LowRankGradient gradient = gradients.get(i);
            float added = i == 0 ? beta : 1;
            lowRank.backward(branch.y(), x, branch.h(), branch.layer(), gradient.a(), gradient.b(), added, dx);
        }
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
        HeadShapes.embedding(ids, table, out, device.ints().reader(ids));
        lookUp(ids, table, out);
    }

    @Override
    public void embedding(Tensor ids, Packed table, Tensor out) {
        HeadShapes.embedding(ids, table, out, device.ints().reader(ids));
        lookUp(ids, table.forward(), out);
    }

    private void lookUp(Tensor ids, Tensor table, Tensor out) {
        device.launch("embedding")
                .at(ids)
                .with(table)
                .with(out)
                .with(out.rows())
                .with(out.columns())
                .overRows(out.rows(), out.columns());
    }

    @Override
    public void embeddingBackward(Tensor ids, Tensor dOut, Tensor dTable) {
        HeadShapes.embeddingBackward(ids, dOut, dTable, device.ints().reader(ids));
        device.launch("embeddingBackward")
                .at(ids)
                .with(dOut)
                .at(dTable)
                .with(dOut.rows())
                .with(dOut.columns())
                .overColumns(dOut.columns());
    }

    @Override
    public void rmsNorm(Tensor x, Tensor weight, float offset, float epsilon, Tensor y, Tensor rstd) {
        NormShapes.rmsNorm(x, weight, y, rstd);
        norms.rms(x, weight, offset, epsilon, y, rstd);
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
        NormShapes.rmsNormBackward(dy, x, weight, rstd, dx, dWeight);
        norms.rmsBackward(dy, x, weight, offset, rstd, dx, dWeight);
    }

    @Override
    public void layerNorm(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y, Tensor mean, Tensor rstd) {
        NormShapes.layerNorm(x, weight, bias, y, mean, rstd);
        norms.layer(x, weight, bias, epsilon, y, mean, rstd);
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
        NormShapes.layerNormBackward(dy, x, weight, mean, rstd, dx, dWeight, dBias);
        norms.layerBackward(dy, x, weight, mean, rstd, dx, dWeight, dBias);
    }

    @Override
    public void rope(Tensor x, int heads, Tensor positions, Tensor cos, Tensor sin, boolean transposed) {
        AttentionShapes.rope(x, heads, positions, cos, sin, device.ints().reader(positions));
        device.launch("rope")
                .with(x)
                .with(x.rows())
                .with(heads)
                .with(x.columns() / heads)
                .at(positions)
                .at(cos)
                .at(sin)
                .with(cos.columns())
                .with(transposed ? -1f : 1f)
                .overRows(x.rows(), x.columns());
    }

    @Override
    public void attention(
            Tensor q, Tensor k, Tensor v, Sequences sequences, AttentionShape shape, Tensor out, @Nullable Tensor lse) {
        AttentionShapes.attention(q, k, v, sequences, shape, out, lse);
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
        AttentionShapes.attentionBackward(dOut, q, k, v, out, lse, sequences, shape, dQ, dK, dV);
        attention.backward(dOut, q, k, v, out, lse, sequences, shape, dQ, dK, dV);
    }

    @Override
    public void gated(Activation activation, Tensor gate, Tensor up, Tensor out) {
        ElementwiseShapes.gated(gate, up, out);
        feedForward.gated(activation, gate, up, out);
    }

    @Override
    public void gatedBackward(Activation activation, Tensor dOut, Tensor gate, Tensor up, Tensor dGate, Tensor dUp) {
        ElementwiseShapes.gatedBackward(dOut, gate, up, dGate, dUp);
        feedForward.gatedBackward(activation, dOut, gate, up, dGate, dUp);
    }

    @Override
    public void activation(Activation activation, Tensor x, Tensor out) {
        ElementwiseShapes.activation(x, out);
        device.launch("activation")
                .with(activation.ordinal())
                .with(x)
                .with(out)
                .with(x.size())
                .overElements(x.size());
    }

    @Override
    public void activationBackward(Activation activation, Tensor dOut, Tensor x, Tensor dX) {
        ElementwiseShapes.activationBackward(dOut, x, dX);
        device.launch("activationBackward")
                .with(activation.ordinal())
                .with(dOut)
                .with(x)
                .with(dX)
                .with(x.size())
                .overElements(x.size());
    }

    @Override
    public void dropout(Tensor x, float rate, long key, boolean accumulate, Tensor out) {
        ElementwiseShapes.dropout(x, rate, out);
        device.launch("dropout")
                .with(x)
                .with(Math.round(rate * (1 << 24)))
                .with(1 / (1 - rate))
                .with(key)
                .with(accumulate)
                .with(out)
                .with(x.size())
                .overElements(x.size());
    }

    @Override
    public void addUniformNoise(Tensor x, float bound, long key) {
        ElementwiseShapes.addUniformNoise(x, bound);
        device.launch("addUniformNoise")
                .with(x)
                .with(bound)
                .with(key)
                .with(x.size())
                .overElements(x.size());
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
        HeadShapes.linearCrossEntropy(
                hidden, weight, target, losses, dHidden, dWeight, device.ints().reader(target.labels()));
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
        HeadShapes.linearCrossEntropy(
                hidden, weight, target, losses, dHidden, device.ints().reader(target.labels()));
        return crossEntropy.run(hidden, weight.forward(), target, losses, dHidden, null, scratch);
    }

    @Override
    public void adamW(Tensor parameter, Tensor gradient, Tensor m, Tensor v, AdamWStep step) {
        OptimizerShapes.adamW(parameter, gradient, m, v, step);
        optimizers.adamW(parameter, gradient, m, v, step);
    }

    @Override
    public void adamW8bit(Tensor parameter, Tensor gradient, AdamW8State state, AdamWStep step) {
        OptimizerShapes.adamW8bit(parameter, gradient, state, step);
        optimizers.adamW8(parameter, gradient, state, step);
    }

    @Override
    public void quantizeNf4(Tensor source, Nf4 target) {
        Nf4Shapes.quantizeNf4(source, target);
        codes.quantize(source, target);
    }

    @Override
    public void dequantizeNf4(Nf4 source, Tensor out) {
        Nf4Shapes.dequantizeNf4(source, out);
        codes.dequantize(source, out);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            attention.close();
            maps.close();
            device.close();
        }
    }
}
