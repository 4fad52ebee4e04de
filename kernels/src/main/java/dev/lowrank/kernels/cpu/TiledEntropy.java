package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Packed;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.TokenLoss;
import dev.lowrank.kernels.Workspace;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * Output projection and cross-entropy in one with a frozen head, a block of rows and a tile of the vocabulary at a time, so
 * that logits never leave the cache. Each thread has its rows from the first product to the last.
 *
 * <p>Derivation: as {@link CrossEntropy#run}, but with the largest logit and the sum of exponentials of the tiles so far, m
 * and s, and {@code U = sum_j e^(z_j - m) dz_j/dy_j W_j} over all words but the label. Where a tile raises m, s and U are
 * multiplied by {@code e^(m_before - m)}. In the end {@code dH = g / s U + g (e^(z_t - m) / s - 1) dz_t/dy_t W_t} with
 * {@code g = scale * rowScale}: the label's own part is added in fp32, since near a sure answer its factor is a small
 * difference.
 */
final class TiledEntropy {
    /** Words of a tile, and rows of the head that lie together for the way back. */
    static final int TILE = 512;

    /** Rows that go over the vocabulary together; the head is read once for so many. */
    private static final int ROWS = 256;

    /** Between rows, since rows whose distance is a power of two compete for the same lines of the cache. */
    private static final int GAP = 16;

    private final Bf16Matmul matmul;
    private final Team team;
    private final PackedMatrix forward; // W^T [width, vocabulary]
    private final PackedMatrix backward; // W [vocabulary, width]
    private final Part[] parts;

    /** Takes from scratch all that a call takes; how much depends on shapes alone. */
    TiledEntropy(Bf16Matmul matmul, Team team, Tensor hidden, Packed head, boolean gradient, Workspace scratch) {
        this.matmul = matmul;
        this.team = team;
        forward = Bf16Matmul.view(head, true);
        backward = Bf16Matmul.view(head, false);
        int rows = Math.min(ROWS, hidden.rows());
        parts = new Part[team.size()];
        Arrays.setAll(parts, part -> new Part(rows, gradient, scratch));
    }

    /** What a call is about: the labelled rows, and what is known of each in the end. */
    record Call(
            Tensor hidden,
            TokenLoss target,
            int[] rows,
            @Nullable Tensor losses,
            @Nullable Tensor dHidden,
            double[] loss,
            boolean[] correct) {}

    void run(Call call) {
        int count = call.rows.length;
        team.split(count, Bf16Matmul.ROWS, team.parts((long) count * forward.n()), (part, from, to) -> {
            for (int at = (int) from; at < to; at += ROWS) {
                parts[part].block(call, at, (int) Math.min(ROWS, to - at), matmul.part(part));
            }
        });
    }

    /** One thread's memory and its block of rows. */
    private final class Part {
        private final boolean gradient;
        private final int width = forward.k();
        private final long strideOfHidden = padded(width) + 2 * GAP;
        private final long strideOfLogits = padded(backward.chunk()) + GAP;
        private final long strideOfSums = padded(width) + GAP;
        private final MemorySegment hidden; // BF16 [rows, width], zeros behind rows
        private final MemorySegment logits; // F32 [rows, tile], then BF16 where each row began
        private final MemorySegment sums; // F32 [rows, width]: U
        private final MemorySegment word; // F32 [width]
        private final float[] max; // of capped logits
        private final double[] sum;
        private final float[] largest; // of logits as they are
        private final boolean[] right; // whether the first of the largest is the label
        private final float[] logit; // of the label, capped
        private final float[] lanes = new float[Lanes.WIDTH];

        Part(int rows, boolean gradient, Workspace scratch) {
            this.gradient = gradient;
            hidden = scratch.take(DType.BF16, rows, strideOfHidden).data();
            logits = scratch.take(rows, strideOfLogits).data();
            sums = scratch.take(gradient ? rows : 0, strideOfSums).data();
            word = scratch.take(padded(width)).data();
            max = new float[rows];
            sum = new double[rows];
            largest = new float[rows];
            right = new boolean[rows];
            logit = new float[rows];
        }

        void block(Call call, int first, int count, Bf16Matmul.Part mine) {
            gather(call, first, count);
            Arrays.fill(max, Float.NEGATIVE_INFINITY);
            Arrays.fill(largest, Float.NEGATIVE_INFINITY);
            Arrays.fill(sum, 0);
            Arrays.fill(right, false);
            for (int from = 0; from < forward.n(); from += backward.chunk()) {
                int words = backward.rows(from);
                multiply(
                        mine,
                        hidden,
                        strideOfHidden,
                        count,
                        forward.columns(from, words),
                        logits,
                        strideOfLogits,
                        false);
                for (int i = 0; i < count; i++) {
                    int label = Lanes.getInt(call.target.labels().data(), call.rows[first + i]) - from;
                    row(i, label, words, call.target.softCap(), from == 0);
                }
                if (gradient) {
                    multiply(
                            mine,
                            logits,
                            2 * strideOfLogits,
                            count,
                            backward.chunk(from),
                            sums,
                            strideOfSums,
                            from > 0);
                }
            }
            for (int i = 0; i < count; i++) {
                finish(call, first + i, i);
            }
        }

        private void gather(Call call, int first, int count) {
            Floats from = Floats.of(call.hidden);
            Floats to = new Floats(hidden, true);
            for (int i = 0; i < count; i++) {
                long at = i * strideOfHidden;
                Floats.convert(from, (long) call.rows[first + i] * width, to, at, width);
                clear(hidden, at + width, padded(width) - width);
            }
        }

        private void multiply(
                Bf16Matmul.Part mine,
                MemorySegment a,
                long strideOfA,
                int rows,
                PackedMatrix b,
                MemorySegment c,
                long strideOfC,
                boolean accumulate) {
            Bf16Matmul.Left left = new Bf16Matmul.Left(a, strideOfA, false);
            Bf16Matmul.Target target = new Bf16Matmul.Target(c, strideOfC, false);
            Bf16Matmul.region(mine, left, b, null, null, target, accumulate, 0, rows, 0, PackedMatrix.blocks(b.n()));
        }

        /** One row of a tile: what it adds to the row's sums, and its exponentials as BF16 in place of the logits. */
        private void row(int i, int label, int words, float cap, boolean first) {
            long at = i * strideOfLogits;
            boolean labelled = label >= 0 && label < words;
            float most = Softmax.max(logits, at, words);
            if (!(most <= largest[i])) { // Before logits are capped: then what differed may be equal in fp32.
                largest[i] = most;
                right[i] = labelled && CrossEntropy.firstOf(most, logits, at, words) == label;
            }
            if (cap > 0) {
                SoftCap.cap(logits, cap, at, at + words);
                most = SoftCap.cap(most, cap);
            }
            if (labelled) {
                logit[i] = Lanes.get(logits, at + label);
            }
            if (!(most <= max[i])) {
                float factor = Exp.exp(max[i] - most);
                sum[i] *= factor;
                if (gradient && !first) {
                    Elementwise.scale(sums, factor, i * strideOfSums, i * strideOfSums + width);
                }
                max[i] = most;
            }
            if (!gradient) {
                sum[i] += Softmax.sumOfExp(logits, at, words, max[i], lanes);
                return;
            }
            if (cap > 0) {
                sum[i] += Softmax.sumOfExp(logits, at, words, max[i], lanes);
                CrossEntropy.cappedGradient(logits, at, words, max[i], 1, 1 / cap);
                Floats.narrow(logits, at, logits, 2 * at, words);
            } else {
                sum[i] += Softmax.expNarrowAndSum(logits, at, words, max[i], lanes);
            }
            if (labelled) {
                clear(logits, 2 * at + label, 1);
            }
            clear(logits, 2 * at + words, padded(words) - words);
        }

        private void finish(Call call, int n, int i) {
            long row = call.rows[n];
            double e = Exp.exp(logit[i] - max[i]);
            call.loss[n] = StrictMath.log(sum[i]) + ((double) max[i] - logit[i]);
            call.correct[n] = right[i] && !Double.isNaN(sum[i]);
            if (call.losses != null) {
                Lanes.set(call.losses.data(), row, (float) call.loss[n]);
            }
            if (call.dHidden != null) {
                float cap = call.target.softCap();
                float scale = CrossEntropy.scale(call.target, row);
                float slope = cap > 0 ? SoftCap.slope(logit[i], 1 / cap) : 1;
                backward.widenRow(Lanes.getInt(call.target.labels().data(), row), word);
                long at = i * strideOfSums;
                combine(
                        sums,
                        at,
                        (float) (scale / sum[i]),
                        word,
                        (float) (scale * (e - sum[i]) / sum[i]) * slope,
                        width);
                Floats.convert(new Floats(sums, false), at, Floats.of(call.dHidden), row * width, width);
            }
        }
    }

    private static long padded(int count) {
        return PackedMatrix.blocks(count) * (long) PackedMatrix.BLOCK;
    }

    private static void clear(MemorySegment halves, long at, long count) {
        if (count > 0) {
            halves.asSlice(at * Short.BYTES, count * Short.BYTES).fill((byte) 0);
        }
    }

    /** {@code x = factor x + other y} for n elements of x, from a place on. */
    private static void combine(MemorySegment x, long at, float factor, MemorySegment y, float other, int n) {
        int whole = Lanes.whole(n);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            FloatVector second = Lanes.load(y, i).mul(other);
            Lanes.store(Lanes.load(x, at + i).fma(Lanes.all(factor), second), x, at + i);
        }
        for (int i = whole; i < n; i++) {
            Lanes.set(x, at + i, Math.fma(Lanes.get(x, at + i), factor, Lanes.get(y, i) * other));
        }
    }
}
