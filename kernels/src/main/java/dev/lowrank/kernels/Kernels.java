package dev.lowrank.kernels;

import org.jspecify.annotations.Nullable;

/**
 * The operations of fine-tuning on one device. Coarse and fused on purpose: a model's forward pass is a list of these
 * calls, and each has its backward beside it. All results are deterministic for a given device and thread count.
 *
 * <p>Shapes: N tokens of the batch (all sequences, no padding), C model width, F feed-forward width, H query heads, G
 * key-value heads (H a multiple of G), D head width, V vocabulary, S sequences. Tensors are row-major. A shape that does
 * not fit is an {@link IllegalArgumentException} at the call. Implementations are used by one thread at a time.
 */
public interface Kernels extends AutoCloseable {
    /** The label of a row that carries no loss. */
    int IGNORED = -100;

    /** What this runs on, for people: "CPU, 2 threads, AVX-512, fp32 by oneDNN 3.11". */
    String device();

    /** A new, empty workspace on this device. */
    Workspace workspace();

    /** Copies {@code source[offset …]} into the whole of {@code target} (F32). */
    void upload(float[] source, int offset, Tensor target);

    /** Copies {@code source} into the whole of {@code target} (I32). */
    void upload(int[] source, Tensor target);

    /** Copies the whole of {@code source} (F32) to {@code target[offset …]}. */
    void download(Tensor source, float[] target, int offset);

    /** Copies between tensors of equal size and type. */
    void copy(Tensor source, Tensor target);

    /** Sets every element to zero. */
    void zero(Tensor target);

    /** {@code target *= factor}. */
    void scale(Tensor target, float factor);

    /** {@code out = x + y}; {@code out} may be either operand. */
    void add(Tensor x, Tensor y, Tensor out);

    /** {@code x[n] += bias} in every row; x [N, C], bias [C]. */
    void addBias(Tensor x, Tensor bias);

    /** {@code dBias += sum over n of dy[n]}, rows added in order of n; dy [N, C], dBias [C]. Backward of {@link #addBias}. */
    void columnSums(Tensor dy, Tensor dBias);

    /**
     * {@code target[n, targetColumn + c] = source[n, sourceColumn + c]} for {@code c < columns} in every row n: parts of
     * a projection that is stored fused, and the gradient of such a part. The target's other columns stay as they are.
     *
     * @param source [N, C]
     * @param target [N, D]; may be {@code source} where the ranges do not overlap
     */
    void copyColumns(Tensor source, int sourceColumn, Tensor target, int targetColumn, int columns);

    /** {@code out[n, c] = x[n, c] * factor[c]}; x, out [N, C]; factor [C]. {@code out} may be {@code x}. */
    void scaleColumns(Tensor x, Tensor factor, Tensor out);

    /**
     * Backward of {@link #scaleColumns}: {@code dX[n, c] += dy[n, c] * factor[c]} and
     * {@code dFactor[c] += sum over n of dy[n, c] * x[n, c]}, rows added in order of n.
     *
     * @param dX gradient to add to, or null where it is not wanted
     * @param dFactor gradient to add to, or null where it is not wanted
     */
    void scaleColumnsBackward(Tensor dy, Tensor x, Tensor factor, @Nullable Tensor dX, @Nullable Tensor dFactor);

    /** {@code out[r] = sqrt(sum over c of x[r, c]^2)}, summed in double in a fixed order; x [R, C], out [R]. */
    void rowNorms(Tensor x, Tensor out);

    /** Sum of squares of all elements, in double, in a fixed order. */
    double sumOfSquares(Tensor x);

    /** {@code true} if no element is NaN or infinite. */
    boolean allFinite(Tensor x);

    /**
     * {@code c = alpha * op(a) * op(b) + beta * c} with {@code op} the transpose where asked. All are matrices: the
     * first axis is rows, the rest columns. With {@code beta == 0} the old contents of {@code c} are not read.
     */
    void matmul(Tensor a, boolean transposeA, Tensor b, boolean transposeB, float alpha, float beta, Tensor c);

    /** {@code out[n] = table[ids[n]]}; ids I32 [N], table [V, C], out [N, C]. */
    void embedding(Tensor ids, Tensor table, Tensor out);

    /** {@code dTable[ids[n]] += dOut[n]}, rows added in order of n. */
    void embeddingBackward(Tensor ids, Tensor dOut, Tensor dTable);

    /**
     * RMS normalisation over the last axis: {@code y = x * rstd * (offset + weight)},
     * {@code rstd = 1 / sqrt(mean(x^2) + epsilon)}. x, y [N, C]; weight [C]; rstd [N] is kept for the backward pass.
     *
     * @param offset 1 where a family stores its weights less one (Gemma), else 0
     */
    void rmsNorm(Tensor x, Tensor weight, float offset, float epsilon, Tensor y, Tensor rstd);

    /**
     * Backward of {@link #rmsNorm}: with {@code m = dy * (offset + weight)},
     * {@code dx += rstd * (m - x * rstd^2 * mean(m * x))} and {@code dWeight += sum over n of dy * x * rstd}.
     *
     * @param dx gradient to add to, or null where it is not wanted
     * @param dWeight gradient to add to, or null where the weight is frozen
     */
    void rmsNormBackward(
            Tensor dy,
            Tensor x,
            Tensor weight,
            float offset,
            Tensor rstd,
            @Nullable Tensor dx,
            @Nullable Tensor dWeight);

    /**
     * Layer normalisation over the last axis: {@code y = (x - mean) * rstd * weight + bias},
     * {@code rstd = 1 / sqrt(mean((x - mean)^2) + epsilon)}. x, y [N, C]; weight, bias [C]; mean, rstd [N] are kept for
     * the backward pass.
     */
    void layerNorm(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y, Tensor mean, Tensor rstd);

    /**
     * Backward of {@link #layerNorm}: with {@code m = dy * weight} and {@code h = (x - mean) * rstd},
     * {@code dx += rstd * (m - mean(m) - h * mean(m * h))}, {@code dWeight += sum over n of dy * h} and
     * {@code dBias += sum over n of dy}.
     *
     * @param dx gradient to add to, or null where it is not wanted
     * @param dWeight gradient to add to, or null where the weight is frozen; {@code dBias} likewise
     */
    void layerNormBackward(
            Tensor dy,
            Tensor x,
            Tensor weight,
            Tensor mean,
            Tensor rstd,
            @Nullable Tensor dx,
            @Nullable Tensor dWeight,
            @Nullable Tensor dBias);

    /**
     * Rotary position embedding in place, halves convention: for pair i of a head,
     * {@code (x[i], x[i + D/2])} turns by the angle of its position.
     *
     * @param x [N, heads * D]
     * @param positions I32 [N], each below the tables' rows
     * @param cos [P, D/2]; {@code sin} likewise
     * @param inverse turn backwards, which is the backward pass
     */
    void rope(Tensor x, int heads, Tensor positions, Tensor cos, Tensor sin, boolean inverse);

    /**
     * Causal attention with grouped heads: {@code out = softmax(scale * q k^T) v} in each sequence and head.
     *
     * @param q [N, H * D]
     * @param k [M, G * D]; {@code v} likewise
     * @param out [N, H * D]
     * @param lse [N, H], the log of each row's sum of exponentials, kept for the backward pass; null when none follows
     */
    void attention(
            Tensor q,
            Tensor k,
            Tensor v,
            Sequences sequences,
            int heads,
            int kvHeads,
            float scale,
            Tensor out,
            @Nullable Tensor lse);

    /**
     * Backward of {@link #attention}, recomputing the probabilities {@code P = exp(scale * q k^T - lse)}: with
     * {@code delta = rowsum(dOut * out)}, {@code dV = P^T dOut}, {@code dS = P * (dOut V^T - delta)},
     * {@code dQ = scale * dS K}, {@code dK = scale * dS^T Q}; dK and dV sum over the query heads of a group.
     * dQ, dK and dV are overwritten. Keys and queries must be the same rows (training, not generation).
     */
    void attentionBackward(
            Tensor dOut,
            Tensor q,
            Tensor k,
            Tensor v,
            Tensor out,
            Tensor lse,
            Sequences sequences,
            int heads,
            int kvHeads,
            float scale,
            Tensor dQ,
            Tensor dK,
            Tensor dV);

    /** {@code out = f(gate) * up} with f the activation; all [N, F]. {@code out} may be either operand. */
    void gated(Activation activation, Tensor gate, Tensor up, Tensor out);

    /**
     * Backward of {@link #gated}: {@code dUp = dOut * f(gate)} and {@code dGate = dOut * up * f'(gate)}. Both are
     * overwritten, and either may be any of the operands.
     */
    void gatedBackward(Activation activation, Tensor dOut, Tensor gate, Tensor up, Tensor dGate, Tensor dUp);

    /** {@code out = f(x)} with f the activation, of any shape; {@code out} may be {@code x}. */
    void activation(Activation activation, Tensor x, Tensor out);

    /** Backward of {@link #activation}: {@code dX = dOut * f'(x)}, overwritten; {@code dX} may be either operand. */
    void activationBackward(Activation activation, Tensor dOut, Tensor x, Tensor dX);

    /**
     * Inverted dropout: {@code out (+)= keep(key, i) ? x[i] / (1 - rate) : 0}. The mask is a function of {@code key} and
     * the element's index alone, so the backward pass is this call on the gradient with the same key.
     *
     * @param accumulate add to {@code out} instead of overwriting it
     */
    void dropout(Tensor x, float rate, long key, boolean accumulate, Tensor out);

    /**
     * {@code x[i] += bound * (2 u - 1)} with {@code u = (bits >>> 8) / 2^24}, where bits is what {@link #dropout} draws
     * for this key and index: uniform in {@code [-bound, bound)}, the same on every device. {@code 2 u - 1} is exact in
     * fp32 and the rest is rounded once. A key that dropout uses too would make the two depend on each other.
     *
     * @param x any shape
     * @param bound finite and at least 0
     */
    void addUniformNoise(Tensor x, float bound, long key);

    /**
     * Output projection and cross-entropy together, in chunks of rows so that the logits are never whole in memory; rows
     * labelled {@link #IGNORED} are skipped. Writes the gradient of {@code scale * loss} in the same pass.
     *
     * @param hidden [N, C]
     * @param weight [V, C]
     * @param labels I32 [N], the token each row must predict
     * @param scale what the gradients are multiplied by (1 / trained tokens of the whole optimizer step)
     * @param dHidden [N, C], overwritten (zero in ignored rows); null when no gradient is wanted
     * @param dWeight [V, C], added to; null where the head is frozen or no gradient is wanted
     */
    LossSum linearCrossEntropy(
            Tensor hidden,
            Tensor weight,
            Tensor labels,
            float scale,
            @Nullable Tensor dHidden,
            @Nullable Tensor dWeight,
            Workspace scratch);

    /**
     * One AdamW update of {@code parameter}, in double where it is cheap and in fp32 at rest, in PyTorch's order:
     * decay first ({@code p *= 1 - lr * decay}), then
     * {@code p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)}.
     */
    void adamW(Tensor parameter, Tensor gradient, Tensor m, Tensor v, AdamWStep step);

    @Override
    void close();
}
