package dev.lowrank.kernels;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * The operations of fine-tuning on one device. Coarse and fused on purpose: a model's forward pass is a list of these
 * calls, and each has its backward beside it. All results are deterministic for a given device and thread count.
 *
 * <p>Shapes: N tokens of the batch (all sequences, no padding), C model width, F feed-forward width, H query heads, G
 * key-value heads (H a multiple of G), D head width, V vocabulary, S sequences. Tensors are row-major. A shape that does
 * not fit is an {@link IllegalArgumentException} at the call. Implementations are used by one thread at a time.
 *
 * <p>Activations and their gradients (x, y, dx, q, out and the like) are F32 or BF16, each tensor by itself; whatever is
 * stored, arithmetic is fp32, and what is written as BF16 is rounded once. Everything else is F32: what is trained and its
 * gradients, weights and biases of norms and columns, rstd, lse, losses, the optimizer's averages, cosines and sines. Only
 * matrices that {@link #matmul}, {@link #embedding} and {@link #linearCrossEntropy} multiply with or look up may be BF16 too.
 *
 * <p>Arguments that are only read may share memory with each other. What is written may share none with anything else
 * of the call, unless the method says so; where it does, it means the same tensor, not one that overlaps it partly.
 */
public interface Kernels extends AutoCloseable {
    /** The label of a row that carries no loss. */
    int IGNORED = -100;

    /** What this runs on, for people: "CPU, 2 threads, AVX-512, bf16 by AMX, fp32 by oneDNN 3.11". */
    String device();

    /** Whether the device has instructions of its own for products of BF16, so that they are faster than those of F32. */
    boolean multipliesBf16();

    /** Bytes of memory of its own that the device has free now; empty where tensors lie in this process's memory. */
    OptionalLong freeBytes();

    /** Whether numbers are kept and computed: {@link PhantomKernels} do neither. */
    boolean computes();

    /** Kernels like these without memory and without work, to find out what something takes. */
    PhantomKernels phantom();

    /** A new, empty workspace on this device. */
    Workspace workspace();

    /**
     * A new, empty workspace for what is used rarely: under pressure its memory may leave the device for a file in a
     * folder. Numbers come out the same. The file has no name where the operating system allows that, so nothing of it
     * stays behind, however the process ends.
     *
     * <p>A {@code take} for which the folder's disk has no room is an {@link java.io.UncheckedIOException}.
     *
     * @param folder exists and may be written to
     */
    Workspace pagedWorkspace(Path folder);

    /** Copies {@code source[offset …]} into the whole of {@code target} (F32, or rounded to BF16). */
    void upload(float[] source, int offset, Tensor target);

    /** Copies {@code source} into the whole of {@code target} (I32). */
    void upload(int[] source, Tensor target);

    /** Copies bytes as they lie in a little-endian file into the whole of {@code target}, of any type. */
    void upload(MemorySegment source, Tensor target);

    /** Copies the whole of {@code source} (F32 or BF16) to {@code target[offset …]}. */
    void download(Tensor source, float[] target, int offset);

    /** Copies the bytes of the whole of {@code source}, of any type, little-endian, over all of {@code target}. */
    void download(Tensor source, MemorySegment target);

    /** Copies between tensors of equal size and type. */
    void copy(Tensor source, Tensor target);

    /** Copies between F32 and BF16 tensors of equal size, rounding where the target holds less. */
    void convert(Tensor source, Tensor target);

    /** Sets every element to zero. */
    void zero(Tensor target);

    /** {@code target *= factor}. */
    void scale(Tensor target, float factor);

    /** {@code out = x + y}; {@code out} may be either operand. */
    void add(Tensor x, Tensor y, Tensor out);

    /** {@code x = cap * tanh(x / cap)} in place, as logits are capped when generating; {@code cap} is above 0. */
    void softCap(Tensor x, float cap);

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

    /**
     * Lays a matrix out for products with BF16 on this device.
     *
     * @param matrix F32 or BF16 [R, C]; rounded where it is F32
     * @param memory where the result lives
     */
    Packed pack(Tensor matrix, Workspace memory);

    /**
     * The same for a table with a row for each word of a vocabulary: the output projection, the embeddings, or both. Rows can
     * be looked up in it.
     */
    Packed packTable(Tensor matrix, Workspace memory);

    /** The elements of a packed matrix in row-major order; out [R, C]. */
    void unpack(Packed matrix, Tensor out);

    /**
     * {@code c = a * op(b) + term + beta * c} with a frozen b, whose elements count as BF16, rounding c once for the product and
     * once for the term where it is BF16. With {@code beta == 0} the old contents of {@code c} are not read; beta is 0 or 1.
     *
     * @param transposeB whether op is the transpose
     * @param term the update of an adapter, or null
     */
    void matmul(Tensor a, FrozenMatrix b, boolean transposeB, @Nullable Term term, float beta, Tensor c);

    /**
     * {@code h = x A^T} and {@code y = base + x W^T + scale * h B^T}; BA is never formed. W's elements count as BF16.
     *
     * @param x [N, in]
     * @param base [N, out] of y's type, may be {@code y}; null for none
     * @param h [N, r], overwritten, kept for the backward pass
     * @param y [N, out]
     */
    void lowRank(Tensor x, LowRankLayer layer, @Nullable Tensor base, Tensor h, Tensor y);

    /**
     * Backward of {@link #lowRank}: with {@code t = scale * dy B}, {@code dB += scale * dy^T h}, {@code dA += t^T x} and
     * {@code dx = dy W + t A + beta * dx}.
     *
     * @param dA gradient to add to, or null where it is not wanted; {@code dB} likewise
     * @param beta 0 or 1; with 0 the old contents of dx are not read
     * @param dx null where it is not wanted
     */
    void lowRankBackward(
            Tensor dy,
            Tensor x,
            Tensor h,
            LowRankLayer layer,
            @Nullable Tensor dA,
            @Nullable Tensor dB,
            float beta,
            @Nullable Tensor dx);

    /**
     * {@link #lowRank} of several layers that read the same x, on BF16, without a base.
     *
     * @param x BF16 [N, in]
     * @param branches h and y are overwritten
     */
    void lowRankBranches(Tensor x, List<LowRankBranch> branches);

    /**
     * Backward of {@link #lowRankBranches}: {@link #lowRankBackward} of each, {@code dx} being the sum over all of them.
     *
     * @param branches with the gradients of the results in place of these
     * @param gradients those of each branch's factors
     * @param beta 0 or 1; with 0 the old contents of dx are not read
     * @param dx BF16 [N, in]; null where it is not wanted
     */
    void lowRankBranchesBackward(
            Tensor x, List<LowRankBranch> branches, List<LowRankGradient> gradients, float beta, @Nullable Tensor dx);

    /**
     * {@code out = base + down(f(gate(x)) * up(x))}, each layer as in {@link #lowRank}, on BF16; what lies between the layers
     * is rounded to BF16 and, but for what is kept, never whole in memory.
     *
     * @param x BF16 [N, C]
     * @param base [N, C] of out's type, or null for none
     * @param kept overwritten
     * @param out [N, C], not {@code base}
     */
    void feedForward(Tensor x, FeedForwardLayers layers, @Nullable Tensor base, FeedForwardState kept, Tensor out);

    /**
     * Backward of {@link #feedForward}: each layer as in {@link #lowRankBackward}, and between them, with a = f(gate) * up
     * computed again, {@code dUp = da * f(gate)} and {@code dGate = da * up * f'(gate)}.
     *
     * @param dOut BF16 or F32 [N, C]
     * @param gate where the gradients of the gate's factors are added; {@code up} and {@code down} likewise
     * @param dx BF16 [N, C], overwritten; null where it is not wanted
     */
    void feedForwardBackward(
            Tensor dOut,
            Tensor x,
            FeedForwardLayers layers,
            FeedForwardState kept,
            LowRankGradient gate,
            LowRankGradient up,
            LowRankGradient down,
            @Nullable Tensor dx);

    /** {@code out[n] = table[ids[n]]}; ids I32 [N], table [V, C], out [N, C]. */
    void embedding(Tensor ids, Tensor table, Tensor out);

    /** The same of a table that {@link #packTable} laid out. */
    void embedding(Tensor ids, Packed table, Tensor out);

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
     * Rotary position embedding in place, halves convention: with R the rotary width of a head, twice the tables' columns
     * and at most D, the pair {@code (x[i], x[i + R/2])} for {@code i < R/2} is multiplied by
     * {@code [[cos, -sin], [sin, cos]]} of its position. The other {@code D - R} elements of the head stay as they are.
     * The tables need not be of unit length: yarn's carry a factor.
     *
     * @param x [N, heads * D]
     * @param positions I32 [N], each below the tables' rows
     * @param cos [P, R/2]; {@code sin} likewise
     * @param transposed multiply by the transposed matrix, which is the backward pass (and, with tables of unit length,
     *     turns back)
     */
    void rope(Tensor x, int heads, Tensor positions, Tensor cos, Tensor sin, boolean transposed);

    /**
     * Causal attention with grouped heads: {@code out = softmax(S) v} in each sequence and head, where S is
     * {@code scale * q k^T}, capped if the shape says so, over the keys that the query sees. A sequence may have more
     * keys than queries: a cache of earlier tokens, or a learned prefix.
     *
     * @param q [N, H * D]
     * @param k [M, G * D]; {@code v} likewise
     * @param shape heads, scale, window and cap; with a window, what lies outside it costs no work
     * @param out [N, H * D]
     * @param lse [N, H], the log of each row's sum of exponentials, kept for the backward pass; null when none follows
     */
    void attention(
            Tensor q, Tensor k, Tensor v, Sequences sequences, AttentionShape shape, Tensor out, @Nullable Tensor lse);

    /**
     * Backward of {@link #attention}, recomputing the probabilities {@code P = exp(S - lse)}: with
     * {@code delta = rowsum(dOut * out)}, {@code dV = P^T dOut}, {@code dS = P * (dOut V^T - delta)}, with a soft cap
     * times {@code 1 - (S / cap)^2}, {@code dQ = scale * dS K}, {@code dK = scale * dS^T Q}; dK and dV sum over the query
     * heads of a group. dQ [N, H * D], dK and dV [M, G * D] are overwritten (zero for keys that no query sees).
     */
    void attentionBackward(
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
     * the element's index i alone, so the backward pass is this call on the gradient with the same key. With {@code >>>}
     * and products as of Java's ints and longs, every device computes
     *
     * <pre>
     * k    = mix64(key + (i >>> 20) * 0x9E3779B97F4A7C15)
     * bits = mix32(mix32((int) (i mod 2^20) + (int) k) ^ (int) (k >>> 32))
     * keep = (bits >>> 8) >= round(rate * 2^24)
     *
     * mix64(z):  z = (z ^ z >>> 30) * 0xBF58476D1CE4E5B9    mix32(z):  z = (z ^ z >>> 16) * 0x85EBCA6B
     *            z = (z ^ z >>> 27) * 0x94D049BB133111EB               z = (z ^ z >>> 13) * 0xC2B2AE35
     *            z ^ z >>> 31                                          z ^ z >>> 16
     * </pre>
     *
     * @param x any shape; {@code out} has its size and may be {@code x}
     * @param rate at least 0 and below 1
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
     * labelled {@link #IGNORED} are skipped. With {@code z = cap(hidden weight^T)}, a row's loss is
     * {@code logsumexp(z) - z[label]}; the gradients, written in the same pass, are those of
     * {@code scale * sum over n of rowScale[n] * loss[n]}.
     *
     * @param hidden [N, C]
     * @param weight [V, C]
     * @param losses [N], overwritten with each row's own loss in nats, without any scale (zero in ignored rows); null when
     *     the sum is enough
     * @param dHidden [N, C], overwritten (zero in ignored rows); may be {@code hidden}; null when no gradient is wanted
     * @param dWeight [V, C], added to; null where the head is frozen or no gradient is wanted
     * @return the sum over the labelled rows, without any scale
     */
    LossSum linearCrossEntropy(
            Tensor hidden,
            Tensor weight,
            TokenLoss target,
            @Nullable Tensor losses,
            @Nullable Tensor dHidden,
            @Nullable Tensor dWeight,
            Workspace scratch);

    /**
     * The same with a frozen head that {@link #packTable} laid out. What is multiplied with it is rounded to BF16: hidden, and
     * the exponentials behind the gradient.
     */
    LossSum linearCrossEntropy(
            Tensor hidden,
            Packed weight,
            TokenLoss target,
            @Nullable Tensor losses,
            @Nullable Tensor dHidden,
            Workspace scratch);

    /**
     * One AdamW update of {@code parameter}, in double where it is cheap and in fp32 at rest, in PyTorch's order:
     * decay first ({@code p *= 1 - lr * decay}), then
     * {@code p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)}.
     */
    void adamW(Tensor parameter, Tensor gradient, Tensor m, Tensor v, AdamWStep step);

    /**
     * One AdamW update with 8-bit state, in fp32 and in the order of bitsandbytes' block-wise kernel. In each block the
     * averages are read back from their codes, {@code m = beta1 m + (1 - beta1) g},
     * {@code v = beta2 v + (1 - beta2) g^2}; then
     * {@code p -= lr * c2 / c1 * m / (sqrt(v) + epsilon * c2)} with {@code c1 = 1 - beta1^t} and
     * {@code c2 = sqrt(1 - beta2^t)}, and only then {@code p *= 1 - lr * decay}. Both averages are coded again by their
     * block's new largest magnitude; a code of m whose sign differs from m's moves one step towards m.
     *
     * <p>Where a gradient is NaN or infinite the parameter stays as it is and both averages become zero.
     *
     * @param gradient F32, as many elements as {@code parameter} and {@code state}
     */
    void adamW8bit(Tensor parameter, Tensor gradient, AdamW8State state, AdamWStep step);

    /**
     * Quantizes a weight to NF4, with the bytes that bitsandbytes 0.50 gives on a CPU: absmax of each block, times its
     * exact reciprocal (the last block, when shorter, by division), the nearest code with ties to the lower one. A
     * doubly quantized target gets its map, offset and nested scales written too. NaN stays NaN in its block.
     *
     * @param source F32, rows x columns elements in row-major order
     */
    void quantizeNf4(Tensor source, Nf4 target);

    /**
     * {@code out[i] = code[i] * absmax[i / blockSize]}, in fp32.
     *
     * @param out F32, rows x columns elements
     */
    void dequantizeNf4(Nf4 source, Tensor out);

    @Override
    void close();
}
