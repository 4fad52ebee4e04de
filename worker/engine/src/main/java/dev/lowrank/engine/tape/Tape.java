package dev.lowrank.engine.tape;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.kernels.Activation;
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
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Term;
import dev.lowrank.kernels.TokenLoss;
import dev.lowrank.kernels.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * Records a forward pass so that it can be run backwards. Each operation computes its result at once and, if anything
 * trainable lies behind its inputs, notes how to turn the gradient of the result into gradients of the inputs.
 *
 * <p>A gradient is allocated when its first contribution arrives. Activations and gradients come from the workspace and
 * live until the caller releases it. N is the number of tokens of the batch; linear layers hold weights as [out, in].
 */
public final class Tape {
    private final Kernels kernels;
    private final Workspace workspace;
    private final boolean recording;
    private final long dropoutKey;
    private final List<Runnable> backward = new ArrayList<>();

    private Tape(Kernels kernels, Workspace workspace, boolean recording, long dropoutKey) {
        this.kernels = kernels;
        this.workspace = workspace;
        this.recording = recording;
        this.dropoutKey = dropoutKey;
    }

    /** A tape for a training pass; {@code dropoutKey} must differ from one micro-batch to the next. */
    public static Tape recording(Kernels kernels, Workspace workspace, long dropoutKey) {
        return new Tape(kernels, workspace, true, dropoutKey);
    }

    /** A tape that records nothing and drops nothing, for evaluation and generation. */
    public static Tape forwardOnly(Kernels kernels, Workspace workspace) {
        return new Tape(kernels, workspace, false, 0);
    }

    public boolean recording() {
        return recording;
    }

    public Kernels kernels() {
        return kernels;
    }

    public Workspace workspace() {
        return workspace;
    }

    /** x as another type; x itself where it is of that type already. */
    public Value as(DType type, Value x) {
        if (x.data().dtype() == type) {
            return x;
        }
        Tensor out = workspace.take(type, x.data().shape());
        kernels.convert(x.data(), out);
        Value y = result(out, x.needsGradient());
        record(y, dy -> addTo(x, dy));
        return y;
    }

    /** A value that nothing trainable lies behind. */
    public Value constant(Tensor data) {
        return new Value(data, false);
    }

    /** Rows of a table: ids [N] and table [V, C] give [N, C]. */
    public Value embedding(Tensor ids, Matrix table) {
        Tensor out = workspace.take(ids.size(), table.columns());
        switch (table) {
            case Parameter dense -> kernels.embedding(ids, dense.value(), out);
            case Frozen frozen -> kernels.embedding(ids, frozen.data(), out);
            case FourBit quantized -> throw noTable(quantized);
        }
        Value y = result(out, trainable(table));
        Tensor dTable = table instanceof Parameter dense ? dense.gradient() : null;
        if (dTable != null) {
            record(y, dy -> kernels.embeddingBackward(ids, dy, dTable));
        }
        return y;
    }

    /** {@code factor * x}, in place; x must have no other use. */
    public Value scaled(Value x, float factor) {
        kernels.scale(x.data(), factor);
        record(x, dx -> kernels.scale(dx, factor));
        return x;
    }

    /**
     * {@code x + bound * (2u - 1)} with u uniform by the tape's key, in place (NEFTune); the gradient passes through.
     * Rows {@code [from, from + count)} only, drawn by {@code site}.
     */
    public void noise(Value x, int from, int count, float bound, int site) {
        if (recording) {
            kernels.addUniformNoise(x.data().slice(from, count), bound, CounterRandom.key(dropoutKey, site));
        }
    }

    /**
     * Root-mean-square normalisation of x [N, C] with weight [W] and {@code offset} added to it. W divides C: with W < C
     * each part of W numbers (a head) is normalised by itself. The result is of the given type.
     */
    public Value rmsNorm(Value x, Parameter weight, float offset, float epsilon, DType type) {
        Tensor out = workspace.take(type, x.data().shape());
        long width = weight.value().size();
        long parts = x.data().size() / width;
        Tensor rstd = workspace.take(parts);
        Tensor in = x.data().reshape(parts, width);
        kernels.rmsNorm(in, weight.value(), offset, epsilon, out.reshape(parts, width), rstd);
        Value y = result(out, x.needsGradient() || weight.trainable());
        record(y, dy -> {
            Tensor dx = x.needsGradient() ? summed(x).reshape(parts, width) : null;
            kernels.rmsNormBackward(dy.reshape(parts, width), in, weight.value(), offset, rstd, dx, weight.gradient());
        });
        return y;
    }

    /** Normalisation of each row of x [N, C] to mean 0 and variance 1, then weight and bias [C]; of the given type. */
    public Value layerNorm(Value x, Parameter weight, Parameter bias, float epsilon, DType type) {
        Tensor out = workspace.take(type, x.data().shape());
        Tensor mean = workspace.take(x.data().rows());
        Tensor rstd = workspace.take(x.data().rows());
        kernels.layerNorm(x.data(), weight.value(), bias.value(), epsilon, out, mean, rstd);
        Value y = result(out, x.needsGradient() || weight.trainable() || bias.trainable());
        record(
                y,
                dy -> kernels.layerNormBackward(
                        dy,
                        x.data(),
                        weight.value(),
                        mean,
                        rstd,
                        x.needsGradient() ? summed(x) : null,
                        weight.gradient(),
                        bias.gradient()));
        return y;
    }

    /**
     * A linear layer without its bias, adapted or not: x [N, in] and W [out, in] give
     * {@code y = x W^T + s (drop(x) A^T) B^T}, [N, out]. DoRA's magnitudes are not applied here.
     *
     * <p>With {@code h = drop(x) A^T} [N, r] from the forward pass and {@code t = s dy B} [N, r]:
     * {@code dW = dy^T x}, {@code dB = s dy^T h}, {@code dA = t^T drop(x)}, {@code dx = dy W + drop'(t A)}, where drop'
     * scales and drops by the same mask. BA is never formed.
     *
     * @param transposed W lies as [in, out]
     */
    public Value linear(Value x, Matrix weight, boolean transposed, @Nullable LowRank lowRank) {
        Tensor out = workspace.take(x.data().dtype(), x.data().rows(), transposed ? weight.columns() : weight.rows());
        Projection projection = new Projection(x, weight, transposed, lowRank);
        projection.run(null, out);
        Value y = result(out, projection.needsGradient());
        record(y, projection::backward);
        return y;
    }

    /** {@code stream + linear(x)}, added up in the stream's type; the stream was x's origin and has no other use. */
    public Value linearOnto(Value stream, Value x, Matrix weight, boolean transposed, @Nullable LowRank lowRank) {
        Tensor out = like(stream.data());
        Projection projection = new Projection(x, weight, transposed, lowRank);
        projection.run(stream.data(), out);
        Value y = result(out, stream.needsGradient() || projection.needsGradient());
        record(y, dy -> {
            if (projection.needsGradient()) {
                projection.backward(
                        projection.whole() == null ? narrowed(dy, x.data().dtype()) : dy);
            }
            share(dy, stream);
        });
        return y;
    }

    /** Whether such layers over x can be parts of one operation: frozen, computed in bf16, and dropping nothing. */
    public boolean fuses(Value x, AdaptedLinear... layers) {
        for (AdaptedLinear layer : layers) {
            boolean drops = recording && layer.lowRank().dropout() > 0;
            if (x.data().dtype() != DType.BF16 || frozen(layer.weight(), DType.BF16) == null || drops) {
                return false;
            }
        }
        return true;
    }

    /** Layers that read the same x, in one operation; {@link #fuses} holds. */
    public List<Value> linears(Value x, List<AdaptedLinear> linears) {
        List<LowRankBranch> branches = new ArrayList<>();
        List<Value> results = new ArrayList<>();
        int rows = x.data().rows();
        for (AdaptedLinear linear : linears) {
            LowRankLayer layer = layer(linear);
            Tensor out = workspace.take(DType.BF16, rows, layer.outputs());
            branches.add(new LowRankBranch(layer, workspace.take(DType.BF16, rows, layer.rank()), out));
            results.add(result(out, x.needsGradient() || trainable(linear)));
        }
        kernels.lowRankBranches(x.data(), branches);
        if (results.stream().anyMatch(Value::needsGradient)) {
            backward.add(() -> linearsBackward(x, linears, branches, results));
        }
        return results;
    }

    /** Of those results that have a gradient. */
    private void linearsBackward(
            Value x, List<AdaptedLinear> linears, List<LowRankBranch> branches, List<Value> results) {
        List<LowRankBranch> reached = new ArrayList<>();
        List<LowRankGradient> gradients = new ArrayList<>();
        for (int i = 0; i < results.size(); i++) {
            Tensor dy = results.get(i).gradient();
            if (results.get(i).needsGradient() && dy != null) {
                reached.add(new LowRankBranch(
                        branches.get(i).layer(), branches.get(i).h(), dy));
                gradients.add(gradient(linears.get(i)));
            }
        }
        if (!reached.isEmpty()) {
            Tensor present = x.gradient();
            Tensor dx = present == null && x.needsGradient() ? fresh(x) : present;
            kernels.lowRankBranchesBackward(x.data(), reached, gradients, present == null ? 0 : 1, dx);
        }
    }

    /**
     * {@code stream + down(f(gate(x)) * up(x))} in one operation, or without the stream if that is null; the stream was x's
     * origin. Neither has another use, and {@link #fuses} holds.
     */
    public Value feedForward(
            @Nullable Value stream,
            Value x,
            Activation activation,
            AdaptedLinear gate,
            AdaptedLinear up,
            AdaptedLinear down) {
        FeedForwardLayers layers = new FeedForwardLayers(activation, layer(gate), layer(up), layer(down));
        int rows = x.data().rows();
        FeedForwardState kept = new FeedForwardState(
                workspace.take(DType.BF16, rows, layers.gate().outputs()),
                workspace.take(DType.BF16, rows, layers.up().outputs()),
                workspace.take(DType.BF16, rows, layers.gate().rank()),
                workspace.take(DType.BF16, rows, layers.up().rank()),
                workspace.take(DType.BF16, rows, layers.down().rank()));
        DType type = stream == null ? DType.BF16 : stream.data().dtype();
        Tensor out = workspace.take(type, rows, layers.down().outputs());
        kernels.feedForward(x.data(), layers, stream == null ? null : stream.data(), kept, out);
        boolean inside = x.needsGradient() || trainable(gate) || trainable(up) || trainable(down);
        Value y = result(out, inside || stream != null && stream.needsGradient());
        record(y, dy -> {
            if (inside) {
                kernels.feedForwardBackward(
                        dy,
                        x.data(),
                        layers,
                        kept,
                        gradient(gate),
                        gradient(up),
                        gradient(down),
                        x.needsGradient() ? fresh(x) : null);
            }
            if (stream != null) {
                share(dy, stream);
            }
        });
        return y;
    }

    private static LowRankLayer layer(AdaptedLinear linear) {
        FrozenMatrix weight = Objects.requireNonNull(frozen(linear.weight(), DType.BF16));
        LowRank lowRank = linear.lowRank();
        return new LowRankLayer(
                weight, linear.transposed(), lowRank.a().value(), lowRank.b().value(), lowRank.scale());
    }

    private static boolean trainable(AdaptedLinear linear) {
        return linear.lowRank().a().trainable() || linear.lowRank().b().trainable();
    }

    private static LowRankGradient gradient(AdaptedLinear linear) {
        return new LowRankGradient(
                linear.lowRank().a().gradient(), linear.lowRank().b().gradient());
    }

    /** dy as another type; itself where it is of that type. */
    private Tensor narrowed(Tensor dy, DType type) {
        if (dy.dtype() == type) {
            return dy;
        }
        Tensor narrowed = workspace.take(type, dy.shape());
        kernels.convert(dy, narrowed);
        return narrowed;
    }

    /** One linear layer on its way forward and back. */
    private final class Projection {
        private final Value x;
        private final Matrix weight;
        private final boolean transposed;
        private final @Nullable LowRank lowRank;
        private final boolean drops;
        private final long key;
        private final Tensor input;
        private final @Nullable Tensor h; // drop(x) A^T [N, r]

        Projection(Value x, Matrix weight, boolean transposed, @Nullable LowRank lowRank) {
            this.x = x;
            this.weight = weight;
            this.transposed = transposed;
            this.lowRank = lowRank;
            this.drops = lowRank != null && recording && lowRank.dropout() > 0;
            this.key = lowRank == null ? 0 : CounterRandom.key(dropoutKey, lowRank.site());
            this.input = drops ? like(x.data()) : x.data();
            this.h = lowRank == null
                    ? null
                    : workspace.take(
                            x.data().dtype(), x.data().rows(), lowRank.a().rows());
        }

        boolean needsGradient() {
            return x.needsGradient()
                    || trainable(weight)
                    || lowRank != null
                            && (lowRank.a().trainable() || lowRank.b().trainable());
        }

        /** The layer as one operation, where it is frozen, computed in bf16, and drops nothing. */
        private @Nullable LowRankLayer whole() {
            FrozenMatrix frozen = frozen(weight, x.data().dtype());
            return frozen != null && lowRank != null && !drops
                    ? new LowRankLayer(
                            frozen, transposed, lowRank.a().value(), lowRank.b().value(), lowRank.scale())
                    : null;
        }

        /** {@code out = base + y}, or without a base if that is null. */
        void run(@Nullable Tensor base, Tensor out) {
            LowRankLayer whole = whole();
            if (whole != null && h != null) {
                kernels.lowRank(x.data(), whole, base, h, out);
                return;
            }
            if (base != null) {
                kernels.copy(base, out);
            }
            Term term = null;
            if (lowRank != null && h != null) {
                if (drops) {
                    kernels.dropout(x.data(), lowRank.dropout(), key, false, input);
                }
                kernels.matmul(input, false, lowRank.a().value(), true, 1, 0, h);
                term = new Term(h, lowRank.b().value(), true, lowRank.scale());
            }
            product(x.data(), weight, !transposed, term, base == null ? 0 : 1, out);
        }

        void backward(Tensor dy) {
            LowRankLayer whole = whole();
            if (whole != null && lowRank != null && h != null) {
                Tensor present = x.gradient();
                Tensor dx = present == null && x.needsGradient() ? fresh(x) : present;
                kernels.lowRankBackward(
                        dy,
                        x.data(),
                        h,
                        whole,
                        lowRank.a().gradient(),
                        lowRank.b().gradient(),
                        present == null ? 0 : 1,
                        dx);
                return;
            }
            weightGradient(dy, x, weight, transposed);
            if (lowRank == null || h == null) {
                inputGradient(dy, x, weight, transposed, null);
                return;
            }
            Tensor t = lowRankGradients(dy, x, input, h, lowRank);
            if (t != null && x.needsGradient() && !drops) {
                inputGradient(dy, x, weight, transposed, new Term(t, lowRank.a().value(), false, 1));
                return;
            }
            inputGradient(dy, x, weight, transposed, null);
            if (t != null && x.needsGradient()) {
                Tensor masked = like(x.data());
                kernels.matmul(t, false, lowRank.a().value(), false, 1, 0, masked);
                kernels.dropout(masked, lowRank.dropout(), key, true, summed(x));
            }
        }
    }

    /** A weight that the device multiplies with as it is held; of 4 bits in bf16 only. */
    private static @Nullable FrozenMatrix frozen(Matrix weight, DType type) {
        return switch (weight) {
            case Frozen frozen -> frozen.data();
            case FourBit quantized when type == DType.BF16 -> quantized.data();
            default -> null;
        };
    }

    private static boolean trainable(Matrix weight) {
        return weight instanceof Parameter parameter && parameter.trainable();
    }

    private void weightGradient(Tensor dy, Value x, Matrix weight, boolean transposed) {
        Tensor dWeight = weight instanceof Parameter parameter ? parameter.gradient() : null;
        if (dWeight != null && transposed) {
            kernels.matmul(x.data(), true, dy, false, 1, 1, dWeight);
        } else if (dWeight != null) {
            kernels.matmul(dy, true, x.data(), false, 1, 1, dWeight);
        }
    }

    /** {@code dx += dy W + term}, where the gradient of x is wanted. */
    private void inputGradient(Tensor dy, Value x, Matrix weight, boolean transposed, @Nullable Term term) {
        if (x.needsGradient()) {
            Tensor present = x.gradient();
            Tensor dx = present == null ? fresh(x) : present;
            product(dy, weight, transposed, term, present == null ? 0 : 1, dx);
        }
    }

    /** {@code out = x op(W) + term + beta * out}, W dequantized for this product alone where it has 4 bits. */
    private void product(Tensor x, Matrix weight, boolean transpose, @Nullable Term term, float beta, Tensor out) {
        switch (weight) {
            case Parameter dense -> {
                kernels.matmul(x, false, dense.value(), transpose, 1, beta, out);
                add(term, out);
            }
            case Frozen frozen -> kernels.matmul(x, frozen.data(), transpose, term, beta, out);
            case FourBit quantized
            when x.dtype() == DType.BF16 -> kernels.matmul(x, quantized.data(), transpose, term, beta, out);
            case FourBit quantized -> {
                long mark = workspace.mark();
                Tensor dense = workspace.take(x.dtype(), quantized.rows(), quantized.columns());
                kernels.dequantizeNf4(quantized.data(), dense);
                kernels.matmul(x, false, dense, transpose, 1, beta, out);
                workspace.release(mark);
                add(term, out);
            }
        }
    }

    private void add(@Nullable Term term, Tensor out) {
        if (term != null) {
            kernels.matmul(term.left(), false, term.right(), term.transposed(), term.scale(), 1, out);
        }
    }

    /** Adds to dB and dA; returns t, or null where neither A nor x wants a gradient. */
    private @Nullable Tensor lowRankGradients(Tensor dy, Value x, Tensor dropped, Tensor h, LowRank lowRank) {
        Tensor b = lowRank.b().value();
        Tensor dB = lowRank.b().gradient();
        Tensor dA = lowRank.a().gradient();
        if (dB != null) {
            kernels.matmul(dy, true, h, false, lowRank.scale(), 1, dB);
        }
        if (dA == null && !x.needsGradient()) {
            return null;
        }
        Tensor t = workspace.take(dy.dtype(), dy.rows(), b.columns());
        kernels.matmul(dy, false, b, false, lowRank.scale(), 0, t);
        if (dA != null) {
            kernels.matmul(t, true, dropped, false, 1, 1, dA);
        }
        return t;
    }

    /** Adds a bias [C] to every row of x [N, C], in place; x must have no other use before this one. */
    public Value bias(Value x, Parameter bias) {
        kernels.addBias(x.data(), bias.value());
        Tensor dBias = bias.gradient();
        Value y = dBias == null || x.needsGradient() ? x : result(x.data(), true);
        if (dBias != null) {
            record(y, dy -> kernels.columnSums(dy, dBias));
        }
        return y;
    }

    /** {@code x * factor} by columns: x [N, C], factor [C]. */
    public Value rescaled(Value x, Parameter factor) {
        Tensor out = like(x.data());
        kernels.scaleColumns(x.data(), factor.value(), out);
        Value y = result(out, x.needsGradient() || factor.trainable());
        record(
                y,
                dy -> kernels.scaleColumnsBackward(
                        dy, x.data(), factor.value(), x.needsGradient() ? summed(x) : null, factor.gradient()));
        return y;
    }

    /**
     * DoRA: {@code y = g * z} by columns with {@code g = m / |W + s B A|} (lengths of rows), where z [N, out] is the
     * product with the updated weight. The length is a constant of the pass, as in the paper:
     * {@code dz = g * dy}, {@code dm = (sum over n of dy * z) / length}.
     */
    public Value magnitude(Value z, Matrix weight, boolean transposed, LowRank lowRank) {
        Parameter magnitude = Objects.requireNonNull(lowRank.magnitude());
        int width = z.data().columns();
        Tensor inverse = workspace.take(1, width);
        inverseLengths(weight, transposed, lowRank, inverse);
        Tensor g = workspace.take(1, width);
        Tensor m = magnitude.value().reshape(1, width);
        kernels.scaleColumns(m, inverse.reshape(width), g);
        Tensor out = like(z.data());
        kernels.scaleColumns(z.data(), g.reshape(width), out);
        Value y = result(out, z.needsGradient() || magnitude.trainable());
        record(y, dy -> {
            Tensor dG = workspace.take(width);
            kernels.zero(dG);
            kernels.scaleColumnsBackward(dy, z.data(), g.reshape(width), z.needsGradient() ? summed(z) : null, dG);
            Tensor dM = magnitude.gradient();
            if (dM != null) {
                kernels.scaleColumnsBackward(
                        dG.reshape(1, width), m, inverse.reshape(width), dM.reshape(1, width), null);
            }
        });
        return y;
    }

    private void inverseLengths(Matrix weight, boolean transposed, LowRank lowRank, Tensor inverse) {
        long mark = workspace.mark();
        float[] lengths = UpdatedWeight.rowLengths(weight, transposed, lowRank, kernels, workspace);
        workspace.release(mark);
        for (int i = 0; i < lengths.length; i++) {
            lengths[i] = 1 / lengths[i];
        }
        kernels.upload(lengths, 0, inverse);
    }

    /** Inverted dropout while recording; x itself otherwise. */
    public Value dropout(Value x, float rate, int site) {
        if (!recording || rate == 0) {
            return x;
        }
        long key = CounterRandom.key(dropoutKey, site);
        Tensor out = like(x.data());
        kernels.dropout(x.data(), rate, key, false, out);
        Value y = result(out, x.needsGradient());
        record(y, dy -> kernels.dropout(dy, rate, key, true, summed(x)));
        return y;
    }

    /** {@code x - y}. */
    public Value difference(Value x, Value y) {
        Tensor out = like(x.data());
        kernels.copy(y.data(), out);
        kernels.scale(out, -1);
        kernels.add(x.data(), out, out);
        Value z = result(out, x.needsGradient() || y.needsGradient());
        record(z, dz -> {
            addTo(x, dz);
            if (y.needsGradient()) {
                Tensor dy = summed(y);
                kernels.scale(dy, -1);
                kernels.add(dy, dz, dy);
                kernels.scale(dy, -1);
            }
        });
        return z;
    }

    /** {@code x + y}, which may have other uses. */
    public Value sum(Value x, Value y) {
        Tensor out = like(x.data());
        kernels.add(x.data(), y.data(), out);
        Value z = result(out, x.needsGradient() || y.needsGradient());
        record(z, dz -> {
            addTo(x, dz);
            addTo(y, dz);
        });
        return z;
    }

    /** Divides the columns of x [N, C] among parts of the given widths; x must have no other use. */
    public List<Value> split(Value x, int... widths) {
        List<Value> parts = new ArrayList<>();
        int from = 0;
        for (int width : widths) {
            Tensor out = workspace.take(x.data().dtype(), x.data().rows(), width);
            kernels.copyColumns(x.data(), from, out, 0, width);
            parts.add(result(out, x.needsGradient()));
            from += width;
        }
        if (recording && x.needsGradient()) {
            backward.add(() -> joinGradients(x, parts));
        }
        return parts;
    }

    private void joinGradients(Value x, List<Value> parts) {
        Tensor dx = summed(x);
        int from = 0;
        for (Value part : parts) {
            Tensor dPart = part.gradient();
            if (dPart != null) {
                kernels.copyColumns(dPart, 0, dx, from, dPart.columns());
            }
            from += part.data().columns();
        }
    }

    /** Turns x [N, heads * D] in place by each row's position; x must have no other use before this one. */
    public Value rope(Value x, int heads, Tensor positions, Tensor cos, Tensor sin) {
        kernels.rope(x.data(), heads, positions, cos, sin, false);
        record(x, dx -> kernels.rope(dx, heads, positions, cos, sin, true));
        return x;
    }

    /** Causal attention: q [N, H * D], k and v [M, G * D] give [N, H * D]. */
    public Value attention(Value q, Value k, Value v, Sequences sequences, AttentionShape shape) {
        Tensor out = like(q.data());
        boolean differentiable = recording && (q.needsGradient() || k.needsGradient() || v.needsGradient());
        Tensor lse = differentiable ? workspace.take(q.data().rows(), shape.heads()) : null;
        kernels.attention(q.data(), k.data(), v.data(), sequences, shape, out, lse);
        Value y = result(out, differentiable);
        if (lse != null) {
            record(y, dy -> {
                Tensor dQ = fresh(q);
                Tensor dK = fresh(k);
                Tensor dV = fresh(v);
                kernels.attentionBackward(dy, q.data(), k.data(), v.data(), out, lse, sequences, shape, dQ, dK, dV);
            });
        }
        return y;
    }

    /** {@code act(gate) * up}, all [N, F]; gate and up must have no other use. */
    public Value gated(Activation activation, Value gate, Value up) {
        Tensor out = like(gate.data());
        kernels.gated(activation, gate.data(), up.data(), out);
        Value y = result(out, gate.needsGradient() || up.needsGradient());
        record(y, dy -> {
            // In place: nothing needs gate and up any more.
            kernels.gatedBackward(activation, dy, gate.data(), up.data(), gate.data(), up.data());
            gate.gradient(gate.data());
            up.gradient(up.data());
        });
        return y;
    }

    /** {@code act(x)}; x must have no other use. */
    public Value activation(Activation activation, Value x) {
        Tensor out = like(x.data());
        kernels.activation(activation, x.data(), out);
        Value y = result(out, x.needsGradient());
        record(y, dy -> kernels.activationBackward(activation, dy, x.data(), fresh(x)));
        return y;
    }

    /**
     * {@code x + branch}, both [N, C], where branch was made from x and has no other use. Both gradients are the
     * result's, so its memory serves as theirs (x's alone where branch is of another type): the whole branch is walked back before anything is added to x's.
     */
    public Value residual(Value x, Value branch) {
        Tensor out = like(x.data());
        kernels.add(x.data(), branch.data(), out);
        Value y = result(out, x.needsGradient() || branch.needsGradient());
        record(y, dy -> {
            if (branch.needsGradient() && branch.data().dtype() == dy.dtype()) {
                branch.gradient(dy);
            } else if (branch.needsGradient()) {
                kernels.convert(dy, fresh(branch));
            }
            share(dy, x);
        });
        return y;
    }

    /** The gradient of a sum as the gradient of x: its memory serves where x has none yet. */
    private void share(Tensor dy, Value x) {
        if (x.needsGradient()) {
            Tensor present = x.gradient();
            if (present == null) {
                x.gradient(dy);
            } else {
                kernels.add(present, dy, present);
            }
        }
    }

    /**
     * Puts the same P learned rows in front of every sequence's rows of x [N, W].
     *
     * @param table [P, T], of which the W columns from {@code column} on are used
     * @param starts first row of each sequence in x, and N
     * @return [N + S * P, W]
     */
    public Value prefixed(Value x, Parameter table, int column, int[] starts) {
        int width = x.data().columns();
        int prefix = table.rows();
        int count = starts.length - 1;
        Tensor out = workspace.take(x.data().dtype(), x.data().rows() + (long) count * prefix, width);
        for (int s = 0; s < count; s++) {
            int rows = starts[s + 1] - starts[s];
            int at = starts[s] + s * prefix;
            kernels.copyColumns(table.value(), column, out.slice(at, prefix), 0, width);
            kernels.copy(x.data().slice(starts[s], rows), out.slice(at + prefix, rows));
        }
        Value y = result(out, x.needsGradient() || table.trainable());
        record(y, dy -> {
            Tensor dx = x.needsGradient() ? summed(x) : null;
            Tensor dTable = table.gradient();
            Tensor sum = workspace.take(prefix, width);
            if (dTable != null) {
                kernels.copyColumns(dTable, column, sum, 0, width);
            }
            for (int s = 0; s < count; s++) {
                int rows = starts[s + 1] - starts[s];
                int at = starts[s] + s * prefix;
                kernels.add(sum, dy.slice(at, prefix), sum);
                if (dx != null) {
                    Tensor part = dx.slice(starts[s], rows);
                    kernels.add(part, dy.slice(at + prefix, rows), part);
                }
            }
            if (dTable != null) {
                kernels.copyColumns(sum, 0, dTable, column, width);
            }
        });
        return y;
    }

    /** Takes the first {@code prefix} rows of every sequence away again; starts are those without them. */
    public Value withoutPrefix(Value x, int prefix, int[] starts) {
        int count = starts.length - 1;
        Tensor out = workspace.take(x.data().dtype(), starts[count], x.data().columns());
        for (int s = 0; s < count; s++) {
            int rows = starts[s + 1] - starts[s];
            kernels.copy(x.data().slice(starts[s] + (s + 1) * prefix, rows), out.slice(starts[s], rows));
        }
        Value y = result(out, x.needsGradient());
        record(y, dy -> {
            Tensor dx = summed(x);
            for (int s = 0; s < count; s++) {
                int rows = starts[s + 1] - starts[s];
                Tensor part = dx.slice(starts[s] + (s + 1) * prefix, rows);
                kernels.add(part, dy.slice(starts[s], rows), part);
            }
        });
        return y;
    }

    /**
     * Runs a part of the pass whose gradients are given back once it has been walked back. Its result is of its input's
     * type and shape, and x has no other use.
     */
    public Value part(Value x, BiFunction<Tape, Value, Value> part) {
        if (!recording) {
            return part.apply(this, x);
        }
        Tape inner = recording(kernels, workspace, dropoutKey);
        Value input = new Value(x.data(), x.needsGradient());
        Value output = part.apply(inner, input);
        Value y = result(output.data(), output.needsGradient());
        record(y, dy -> {
            long mark = workspace.mark();
            output.gradient(dy);
            inner.backward();
            Tensor dx = input.gradient();
            if (dx != null && dx != dy) { // No longer wanted, so what goes on takes its place.
                kernels.copy(dx, dy);
            }
            if (dx != null) {
                x.gradient(dy);
            }
            workspace.release(mark);
        });
        return y;
    }

    /**
     * Runs a part of the pass keeping only its input; the backward pass computes it once more before it walks it back.
     *
     * @param part must compute the same each time it is run
     */
    public Value checkpointed(Value x, BiFunction<Tape, Value, Value> part) {
        if (!recording) {
            return part.apply(this, x);
        }
        Tensor out = like(x.data());
        long mark = workspace.mark();
        Tape first = recording(kernels, workspace, dropoutKey);
        Value computed = part.apply(first, new Value(x.data(), x.needsGradient()));
        kernels.copy(computed.data(), out);
        Value y = result(out, computed.needsGradient());
        workspace.release(mark);
        record(y, dy -> {
            Tensor dx = x.needsGradient() ? summed(x) : null;
            long again = workspace.mark();
            Tape second = recording(kernels, workspace, dropoutKey);
            Value input = new Value(x.data(), x.needsGradient());
            if (dx != null) {
                input.gradient(dx);
            }
            Value output = part.apply(second, input);
            output.gradient(dy);
            second.backward();
            workspace.release(again);
        });
        return y;
    }

    /**
     * The last operation of a training pass: projects hidden [N, C] on the vocabulary and sums the cross-entropy over
     * the labelled rows; the gradients are those of {@code target.scale * loss}.
     *
     * @param losses F32 [N] that receives each row's own loss, or null
     */
    public LossSum crossEntropy(Value hidden, Matrix head, TokenLoss target, @Nullable Tensor losses) {
        Tensor dHidden = recording && hidden.needsGradient() ? fresh(hidden) : null;
        return switch (head) {
            case Parameter dense ->
                kernels.linearCrossEntropy(
                        hidden.data(),
                        dense.value(),
                        target,
                        losses,
                        dHidden,
                        recording ? dense.gradient() : null,
                        workspace);
            case Frozen frozen ->
                kernels.linearCrossEntropy(hidden.data(), frozen.data(), target, losses, dHidden, workspace);
            case FourBit quantized -> throw noTable(quantized);
        };
    }

    /** {@code out = hidden * head^T}. */
    public void logits(Tensor hidden, Matrix head, Tensor out) {
        product(hidden, head, true, null, 0, out);
    }

    private static IllegalArgumentException noTable(FourBit weight) {
        return new IllegalArgumentException(
                "%s has a row for each word and cannot be of 4 bits.".formatted(weight.name()));
    }

    /** Walks the recorded pass backwards, adding to the gradients of the parameters. */
    public void backward() {
        for (int i = backward.size() - 1; i >= 0; i--) {
            backward.get(i).run();
        }
        backward.clear();
    }

    /** Memory of the type and shape of a tensor. */
    private Tensor like(Tensor tensor) {
        return workspace.take(tensor.dtype(), tensor.shape());
    }

    private Value result(Tensor out, boolean needsGradient) {
        return new Value(out, recording && needsGradient);
    }

    private void record(Value y, GradientStep step) {
        if (!y.needsGradient()) {
            return;
        }
        backward.add(() -> {
            Tensor dy = y.gradient();
            if (dy != null) {
                step.apply(dy);
            }
        });
    }

    private void addTo(Value x, Tensor gradient) {
        if (x.needsGradient()) {
            Tensor dx = summed(x);
            kernels.add(dx, gradient, dx);
        }
    }

    /** The gradient of x to be overwritten whole by its only user; memory without meaning where none is wanted. */
    private Tensor fresh(Value x) {
        Tensor gradient = like(x.data());
        x.gradient(gradient);
        return gradient;
    }

    /** The gradient of x, zero at first, to be added to. */
    private Tensor summed(Value x) {
        if (x.gradient() == null) {
            kernels.zero(fresh(x));
        }
        return Objects.requireNonNull(x.gradient());
    }

    private interface GradientStep {
        void apply(Tensor dy);
    }
}
