package dev.lowrank.engine.tape;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.kernels.Activation;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.LossSum;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
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

    public Workspace workspace() {
        return workspace;
    }

    /** A value that nothing trainable lies behind. */
    public Value constant(Tensor data) {
        return new Value(data, false);
    }

    /** Rows of a table: ids [N] and table [V, C] give [N, C]. */
    public Value embedding(Tensor ids, Parameter table) {
        Tensor out = workspace.take(ids.size(), table.value().columns());
        kernels.embedding(ids, table.value(), out);
        Value y = result(out, table.trainable());
        Tensor dTable = table.gradient();
        if (dTable != null) {
            record(y, dy -> kernels.embeddingBackward(ids, dy, dTable));
        }
        return y;
    }

    /** Root-mean-square normalisation of each row of x [N, C], times {@code offset + weight}. */
    public Value rmsNorm(Value x, Parameter weight, float offset, float epsilon) {
        Tensor out = workspace.take(x.data().shape());
        Tensor rstd = workspace.take(x.data().rows());
        kernels.rmsNorm(x.data(), weight.value(), offset, epsilon, out, rstd);
        Value y = result(out, x.needsGradient() || weight.trainable());
        record(
                y,
                dy -> kernels.rmsNormBackward(
                        dy,
                        x.data(),
                        weight.value(),
                        offset,
                        rstd,
                        x.needsGradient() ? summed(x) : null,
                        weight.gradient()));
        return y;
    }

    /**
     * A linear layer, adapted or not: x [N, in] and W [out, in] give {@code y = x W^T + s (drop(x) A^T) B^T}, [N, out].
     *
     * <p>With {@code h = drop(x) A^T} [N, r] from the forward pass and {@code t = s dy B} [N, r]:
     * {@code dW = dy^T x}, {@code dB = s dy^T h}, {@code dA = t^T drop(x)}, {@code dx = dy W + drop'(t A)}, where drop'
     * scales and drops by the same mask. BA is never formed.
     */
    public Value linear(Value x, Parameter weight, @Nullable LowRank lowRank) {
        Tensor w = weight.value();
        Tensor out = workspace.take(x.data().rows(), w.rows());
        kernels.matmul(x.data(), false, w, true, 1, 0, out);
        if (lowRank == null) {
            Value y = result(out, x.needsGradient() || weight.trainable());
            record(y, dy -> plainLinearBackward(dy, x, weight));
            return y;
        }
        boolean drops = recording && lowRank.dropout() > 0;
        long key = CounterRandom.key(dropoutKey, lowRank.site());
        Tensor input = x.data();
        if (drops) {
            input = workspace.take(x.data().shape());
            kernels.dropout(x.data(), lowRank.dropout(), key, false, input);
        }
        Tensor h = workspace.take(x.data().rows(), lowRank.a().value().rows());
        kernels.matmul(input, false, lowRank.a().value(), true, 1, 0, h);
        kernels.matmul(h, false, lowRank.b().value(), true, lowRank.scale(), 1, out);
        Value y = result(
                out,
                x.needsGradient()
                        || weight.trainable()
                        || lowRank.a().trainable()
                        || lowRank.b().trainable());
        Tensor dropped = input;
        record(y, dy -> {
            plainLinearBackward(dy, x, weight);
            lowRankBackward(dy, x, dropped, h, lowRank, drops, key);
        });
        return y;
    }

    private void plainLinearBackward(Tensor dy, Value x, Parameter weight) {
        Tensor dWeight = weight.gradient();
        if (dWeight != null) {
            kernels.matmul(dy, true, x.data(), false, 1, 1, dWeight);
        }
        if (x.needsGradient()) {
            accumulate(dy, false, weight.value(), false, 1, x);
        }
    }

    private void lowRankBackward(
            Tensor dy, Value x, Tensor dropped, Tensor h, LowRank lowRank, boolean drops, long key) {
        Tensor a = lowRank.a().value();
        Tensor b = lowRank.b().value();
        Tensor dB = lowRank.b().gradient();
        Tensor dA = lowRank.a().gradient();
        if (dB != null) {
            kernels.matmul(dy, true, h, false, lowRank.scale(), 1, dB);
        }
        if (dA == null && !x.needsGradient()) {
            return;
        }
        Tensor t = workspace.take(dy.rows(), b.columns());
        kernels.matmul(dy, false, b, false, lowRank.scale(), 0, t);
        if (dA != null) {
            kernels.matmul(t, true, dropped, false, 1, 1, dA);
        }
        if (!x.needsGradient()) {
            return;
        }
        if (drops) {
            Tensor masked = workspace.take(x.data().shape());
            kernels.matmul(t, false, a, false, 1, 0, masked);
            kernels.dropout(masked, lowRank.dropout(), key, true, summed(x));
        } else {
            accumulate(t, false, a, false, 1, x);
        }
    }

    /** Turns x [N, heads * D] in place by each row's position; x must have no other use before this one. */
    public Value rope(Value x, int heads, Tensor positions, Tensor cos, Tensor sin) {
        kernels.rope(x.data(), heads, positions, cos, sin, false);
        record(x, dx -> kernels.rope(dx, heads, positions, cos, sin, true));
        return x;
    }

    /** Causal attention: q [N, H * D], k and v [M, G * D] give [N, H * D]. */
    public Value attention(Value q, Value k, Value v, Sequences sequences, int heads, int kvHeads, float scale) {
        Tensor out = workspace.take(q.data().shape());
        boolean differentiable = recording && (q.needsGradient() || k.needsGradient() || v.needsGradient());
        Tensor lse = differentiable ? workspace.take(q.data().rows(), heads) : null;
        kernels.attention(q.data(), k.data(), v.data(), sequences, heads, kvHeads, scale, out, lse);
        Value y = result(out, differentiable);
        if (lse != null) {
            record(y, dy -> {
                Tensor dQ = fresh(q);
                Tensor dK = fresh(k);
                Tensor dV = fresh(v);
                kernels.attentionBackward(
                        dy, q.data(), k.data(), v.data(), out, lse, sequences, heads, kvHeads, scale, dQ, dK, dV);
            });
        }
        return y;
    }

    /** {@code f(gate) * up} with f the activation, all [N, F]; gate and up must have no other use. */
    public Value gated(Activation activation, Value gate, Value up) {
        Tensor out = workspace.take(gate.data().shape());
        kernels.gated(activation, gate.data(), up.data(), out);
        Value y = result(out, gate.needsGradient() || up.needsGradient());
        record(y, dy -> kernels.gatedBackward(activation, dy, gate.data(), up.data(), fresh(gate), fresh(up)));
        return y;
    }

    /**
     * {@code x + branch}, both [N, C], where branch was made from x and has no other use. Both gradients are the
     * result's, so its memory serves as theirs: the whole branch is walked back before anything is added to x's.
     */
    public Value residual(Value x, Value branch) {
        Tensor out = workspace.take(x.data().shape());
        kernels.add(x.data(), branch.data(), out);
        Value y = result(out, x.needsGradient() || branch.needsGradient());
        record(y, dy -> {
            if (branch.needsGradient()) {
                branch.gradient(dy);
            }
            if (x.needsGradient()) {
                Tensor present = x.gradient();
                if (present == null) {
                    x.gradient(dy);
                } else {
                    kernels.add(present, dy, present);
                }
            }
        });
        return y;
    }

    /**
     * The last operation of a training pass: projects hidden [N, C] on the vocabulary and sums the cross-entropy over
     * the labelled rows; the gradients are those of {@code scale * loss}.
     */
    public LossSum crossEntropy(Value hidden, Parameter head, Tensor labels, float scale) {
        if (!recording) {
            return kernels.linearCrossEntropy(hidden.data(), head.value(), labels, scale, null, null, workspace);
        }
        Tensor dHidden = hidden.needsGradient() ? fresh(hidden) : null;
        return kernels.linearCrossEntropy(
                hidden.data(), head.value(), labels, scale, dHidden, head.gradient(), workspace);
    }

    /** Walks the recorded pass backwards, adding to the gradients of the parameters. */
    public void backward() {
        for (int i = backward.size() - 1; i >= 0; i--) {
            backward.get(i).run();
        }
        backward.clear();
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

    /** The gradient of x to be overwritten whole by its only user; memory without meaning where none is wanted. */
    private Tensor fresh(Value x) {
        Tensor gradient = workspace.take(x.data().shape());
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

    /** {@code dx += alpha * op(a) op(b)}. */
    private void accumulate(Tensor a, boolean transposeA, Tensor b, boolean transposeB, float alpha, Value x) {
        Tensor present = x.gradient();
        Tensor target = present == null ? fresh(x) : present;
        kernels.matmul(a, transposeA, b, transposeB, alpha, present == null ? 0 : 1, target);
    }

    private interface GradientStep {
        void apply(Tensor dy);
    }
}
