package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.LossSum;
import dev.lowrank.kernels.Packed;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.TokenLoss;
import dev.lowrank.kernels.Workspace;
import dev.lowrank.kernels.shapes.HeadShapes;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** Output projection and cross-entropy in one, a chunk of rows at a time. */
final class CrossEntropy {
    /** A chunk's logits should take about this much: enough rows that reading the weight again is worth it. */
    private static final long CHUNK_BYTES = 32 << 20;

    private static final int FEWEST_ROWS = 64;
    private static final int MOST_ROWS = 512;

    private final Team team;
    private final Matmul matmul;
    private final Bf16Matmul half;

    CrossEntropy(Team team, Matmul matmul, Bf16Matmul half) {
        this.team = team;
        this.matmul = matmul;
        this.half = half;
    }

    /**
     * Derivation, for one row with logits {@code z = W h} and label t: {@code loss = log(sum_j e^z_j) - z_t}, so
     * {@code dz_j = softmax(z)_j - 1[j = t]}. With a soft cap c, {@code z = c tanh(y / c)} over the products {@code y}, and
     * {@code dy = dz (1 - (z / c)^2)}; without, y is z. With {@code G = scale * rowScale * dy}, a row for each trained
     * token, {@code dH = G W} and {@code dW = G^T H}.
     */
    LossSum run(
            Tensor hidden,
            Tensor weight,
            TokenLoss target,
            @Nullable Tensor losses,
            @Nullable Tensor dHidden,
            @Nullable Tensor dWeight,
            Workspace scratch) {
        Tensor labels = target.labels();
        HeadShapes.linearCrossEntropy(hidden, weight, target, losses, dHidden, dWeight, Lanes.ints(labels));
        int width = weight.columns();
        int vocabulary = weight.rows();
        int[] rows = trainedRows(labels);
        int chunk = chunk(hidden, weight);
        boolean gradient = dHidden != null || dWeight != null;
        long mark = scratch.mark();
        try {
            Projection projection = projection(hidden, weight, gradient, scratch);
            LossSum sum = LossSum.ZERO;
            // Each chunk reads its rows of hidden before it writes the same rows of dHidden.
            for (int from = 0; from < rows.length; from += chunk) {
                Chunk part = new Chunk(
                        rows, from, Math.min(chunk, rows.length - from), width, vocabulary, projection.logits());
                projection.project(hidden, part);
                float[] factors = gradient && !full(hidden, weight) ? new float[part.count] : null;
                sum = sum.plus(losses(part, target, losses, gradient, factors));
                if (gradient) {
                    projection.gradients(part, factors, dHidden, dWeight);
                }
            }
            zeroIgnored(labels, losses, dHidden);
            return sum;
        } finally {
            scratch.release(mark);
        }
    }

    /** The same with a frozen head. */
    LossSum run(
            Tensor hidden,
            Packed weight,
            TokenLoss target,
            @Nullable Tensor losses,
            @Nullable Tensor dHidden,
            Workspace scratch) {
        Tensor labels = target.labels();
        HeadShapes.linearCrossEntropy(hidden, weight, target, losses, dHidden, Lanes.ints(labels));
        int[] rows = trainedRows(labels);
        double[] loss = new double[rows.length];
        boolean[] correct = new boolean[rows.length];
        long mark = scratch.mark();
        try {
            tiled(hidden, weight, dHidden != null, scratch)
                    .run(new TiledEntropy.Call(hidden, target, rows, losses, dHidden, loss, correct));
        } finally {
            scratch.release(mark);
        }
        zeroIgnored(labels, losses, dHidden);
        return sum(loss, correct);
    }

    /** As {@link #projection}, with a frozen head. */
    TiledEntropy tiled(Tensor hidden, Packed weight, boolean gradient, Workspace scratch) {
        return new TiledEntropy(half, team, hidden, weight, gradient, scratch);
    }

    /** Takes from scratch all that a call takes; how much depends on shapes alone. */
    Projection projection(Tensor hidden, Tensor weight, boolean gradient, Workspace scratch) {
        int chunk = chunk(hidden, weight);
        return full(hidden, weight)
                ? new FullProjection(matmul, team, weight, chunk, scratch)
                : new HalfProjection(half, team, weight, chunk, gradient, scratch);
    }

    private static int chunk(Tensor hidden, Tensor weight) {
        int most = full(hidden, weight) ? rowsOfChunk(weight.rows()) : HalfProjection.rowsOfChunk(weight.rows());
        return Math.min(hidden.rows(), most);
    }

    private static boolean full(Tensor hidden, Tensor weight) {
        return hidden.dtype() == DType.F32 && weight.dtype() == DType.F32;
    }

    /** The trained rows {@code rows[from … from + count)}; logits F32 [count, vocabulary]. */
    record Chunk(int[] rows, int from, int count, int width, int vocabulary, MemorySegment logits) {
        long row(long i) {
            return rows[from + (int) i];
        }
    }

    /** The products with the head, for one chunk after another. */
    interface Projection {
        /** Where the chunk's logits go: F32 [chunk, vocabulary]. */
        MemorySegment logits();

        /** {@code logits = H W^T} for the chunk's rows of hidden. */
        void project(Tensor hidden, Chunk chunk);

        /**
         * With G in place of the logits: {@code dH = G W} in the chunk's rows, {@code dW += G^T H}.
         *
         * @param factors where they are given, each row of G is still to be multiplied by its own
         */
        void gradients(Chunk chunk, float @Nullable [] factors, @Nullable Tensor dHidden, @Nullable Tensor dWeight);
    }

    /**
     * Row by row the loss; with {@code gradient}, the logits become G.
     *
     * @param factors where they are wanted, G becomes BF16, each row where its logits began, and is left to be multiplied by
     *     these: {@code e^(z_j - max) - sum_i e^(z_i - max) 1[j = t]} then needs one pass over the row instead of three
     */
    private LossSum losses(
            Chunk c, TokenLoss target, @Nullable Tensor losses, boolean gradient, float @Nullable [] factors) {
        double[] loss = new double[c.count];
        boolean[] correct = new boolean[c.count];
        float cap = target.softCap();
        team.rows(c.count, c.vocabulary, (from, to) -> {
            float[] lanes = new float[Lanes.WIDTH];
            for (long i = from; i < to; i++) {
                long at = i * c.vocabulary;
                long row = c.row(i);
                int label = Lanes.getInt(target.labels().data(), row);
                float max = Softmax.max(c.logits, at, c.vocabulary);
                float z = Lanes.get(c.logits, at + label);
                correct[(int) i] = z == max && firstOf(max, c.logits, at, c.vocabulary) == label;
                if (cap > 0) { // After the search for the largest: capped, what differed may be equal in fp32.
                    SoftCap.cap(c.logits, cap, at, at + c.vocabulary);
                    max = SoftCap.cap(max, cap);
                    z = Lanes.get(c.logits, at + label);
                }
                double sum;
                if (!gradient) {
                    sum = Softmax.sumOfExp(c.logits, at, c.vocabulary, max, lanes);
                } else if (factors != null) {
                    sum = narrowGradient(c, at, label, z, max, cap, lanes);
                    factors[(int) i] = (float) (scale(target, row) / sum);
                } else if (cap > 0) {
                    float scale = scale(target, row);
                    sum = Softmax.sumOfExp(c.logits, at, c.vocabulary, max, lanes);
                    cappedGradient(c.logits, at, c.vocabulary, max, (float) (scale / sum), 1 / cap);
                    float g = Lanes.get(c.logits, at + label) - scale * SoftCap.slope(z, 1 / cap);
                    Lanes.set(c.logits, at + label, g);
                } else {
                    float scale = scale(target, row);
                    sum = Softmax.expAndSum(c.logits, at, c.vocabulary, max, lanes);
                    Elementwise.scale(c.logits, (float) (scale / sum), at, at + c.vocabulary);
                    Lanes.set(c.logits, at + label, Lanes.get(c.logits, at + label) - scale);
                }
                loss[(int) i] = StrictMath.log(sum) + ((double) max - z);
                if (losses != null) {
                    Lanes.set(losses.data(), row, (float) loss[(int) i]);
                }
            }
        });
        return sum(loss, correct);
    }

    private static LossSum sum(double[] loss, boolean[] correct) {
        double total = 0;
        long right = 0;
        for (int i = 0; i < loss.length; i++) {
            total += loss[i];
            right += correct[i] ? 1 : 0;
        }
        return new LossSum(total, loss.length, right);
    }

    /** One row of G times {@code sum / scale} as BF16 in place of the logits; returns the sum of exponentials. */
    private static double narrowGradient(Chunk c, long at, int label, float z, float max, float cap, float[] lanes) {
        double sum;
        float slope = 1;
        if (cap > 0) {
            sum = Softmax.sumOfExp(c.logits, at, c.vocabulary, max, lanes);
            cappedGradient(c.logits, at, c.vocabulary, max, 1, 1 / cap);
            Floats.narrow(c.logits, at, c.logits, 2 * at, c.vocabulary);
            slope = SoftCap.slope(z, 1 / cap);
        } else {
            sum = Softmax.expNarrowAndSum(c.logits, at, c.vocabulary, max, lanes);
        }
        new Floats(c.logits, true).set(2 * at + label, (float) ((Exp.exp(z - max) - sum) * slope));
        return sum;
    }

    /** What a row's gradient is multiplied by. */
    static float scale(TokenLoss target, long row) {
        Tensor rowScale = target.rowScale();
        return rowScale == null ? target.scale() : target.scale() * Lanes.get(rowScale.data(), row);
    }

    /** In one row of capped logits: {@code z = factor * e^(z - max) * (1 - (z / cap)^2)}. */
    static void cappedGradient(MemorySegment z, long at, int n, float max, float factor, float inverseCap) {
        int whole = Lanes.whole(n);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            FloatVector capped = Lanes.load(z, at + i);
            FloatVector e = Exp.exp(capped.sub(max));
            Lanes.store(e.mul(factor).mul(SoftCap.slope(capped, inverseCap)), z, at + i);
        }
        for (int i = whole; i < n; i++) {
            float capped = Lanes.get(z, at + i);
            Lanes.set(z, at + i, Exp.exp(capped - max) * factor * SoftCap.slope(capped, inverseCap));
        }
    }

    /** The first place of a value in a row, or -1. */
    static int firstOf(float value, MemorySegment row, long at, int n) {
        for (int i = 0; i < n; i++) {
            if (Lanes.get(row, at + i) == value) {
                return i;
            }
        }
        return -1;
    }

    /** Clears what belongs to rows without a label. */
    private static void zeroIgnored(Tensor labels, @Nullable Tensor losses, @Nullable Tensor dHidden) {
        if (dHidden != null) {
            zeroIgnored(
                    labels, dHidden.data(), dHidden.columns(), dHidden.dtype().bytes());
        }
        if (losses != null) {
            zeroIgnored(labels, losses.data(), 1, Float.BYTES);
        }
    }

    /** Clears the rows of target [N, width] whose label is none. */
    private static void zeroIgnored(Tensor labels, MemorySegment target, int width, int element) {
        long bytes = (long) width * element;
        for (long n = 0; n < labels.size(); n++) {
            if (Lanes.getInt(labels.data(), n) == Kernels.IGNORED) {
                target.asSlice(n * bytes, bytes).fill((byte) 0);
            }
        }
    }

    private static int[] trainedRows(Tensor labels) {
        int[] rows = new int[Math.toIntExact(labels.size())];
        int count = 0;
        for (int n = 0; n < rows.length; n++) {
            if (Lanes.getInt(labels.data(), n) != Kernels.IGNORED) {
                rows[count++] = n;
            }
        }
        return Arrays.copyOf(rows, count);
    }

    private static int rowsOfChunk(int vocabulary) {
        long fitting = CHUNK_BYTES / ((long) Float.BYTES * Math.max(1, vocabulary));
        return (int) Math.clamp(fitting, FEWEST_ROWS, MOST_ROWS);
    }
}
