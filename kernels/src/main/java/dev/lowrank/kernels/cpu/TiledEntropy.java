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
            LogitPass pass = LogitPass.best(call.target.softCap());
            for (int at = (int) from; at < to; at += ROWS) {
                parts[part].block(call, at, (int) Math.min(ROWS, to - at), matmul.part(part), pass);
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
        private final MemorySegment largest; // F32 [rows]: of the logits so far, before the cap
        private final MemorySegment added; // F32 [rows]: a tile's sums of exponentials
        private final float[] before; // the largest of the tiles before
        private final double[] sum;
        private final boolean[] right; // whether the first of the largest is the label
        private final float[] logit; // of the label, before the cap

        Part(int rows, boolean gradient, Workspace scratch) {
            this.gradient = gradient;
            hidden = scratch.take(DType.BF16, rows, strideOfHidden).data();
            logits = scratch.take(rows, strideOfLogits).data();
            sums = scratch.take(gradient ? rows : 0, strideOfSums).data();
            word = scratch.take(padded(width)).data();
            largest = scratch.take(rows).data();
            added = scratch.take(rows).data();
            before = new float[rows];
            sum = new double[rows];
            right = new boolean[rows];
            logit = new float[rows];
        }

        void block(Call call, int first, int count, Bf16Matmul.Part mine, LogitPass pass) {
            gather(call, first, count);
            Arrays.fill(before, Float.NEGATIVE_INFINITY);
            largest.copyFrom(MemorySegment.ofArray(before));
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
                exponentials(call, pass, first, new LogitPass.Tile(logits, strideOfLogits, count, words), from);
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

        /** What the tile that begins with word {@code from} adds to its rows, and its logits' exponentials for the way back. */
        private void exponentials(Call call, LogitPass pass, int first, LogitPass.Tile tile, int from) {
            for (int i = 0; i < tile.rows(); i++) {
                int label = label(call, first + i) - from;
                if (label >= 0 && label < tile.words()) {
                    meetLabel(i, label, tile.words());
                }
            }
            pass.run(tile, largest, added, next(from));
            for (int i = 0; i < tile.rows(); i++) {
                int label = label(call, first + i) - from;
                join(i, label, label >= 0 && label < tile.words(), call.target.softCap());
            }
        }

        /** What the tile that begins with word {@code from} is followed by. */
        private MemorySegment next(int from) {
            if (gradient) {
                return backward.chunk(from).data();
            }
            int then = from + backward.rows(from);
            return then == forward.n()
                    ? MemorySegment.NULL
                    : forward.columns(then, backward.rows(then)).data();
        }

        private int label(Call call, int n) {
            return Lanes.getInt(call.target.labels().data(), call.rows[n]);
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

        /** Before the cap: capped, what differed may be equal in fp32. */
        private void meetLabel(int i, int label, int words) {
            long at = i * strideOfLogits;
            logit[i] = Lanes.get(logits, at + label);
            float most = Softmax.max(logits, at, words);
            right[i] = most > before[i] && CrossEntropy.firstOf(most, logits, at, words) == label;
        }

        /** A row's sums with those of a tile, whose exponentials are of the largest logit that is now known. */
        private void join(int i, int label, boolean labelled, float cap) {
            float most = Lanes.get(largest, i);
            if (most != before[i]) {
                float factor = Exp.exp(capped(before[i], cap) - capped(most, cap));
                sum[i] *= factor;
                if (gradient && before[i] != Float.NEGATIVE_INFINITY) {
                    Elementwise.scale(sums, factor, i * strideOfSums, i * strideOfSums + width);
                }
                right[i] &= labelled;
                before[i] = most;
            }
            sum[i] += Lanes.get(added, i);
            if (labelled) {
                clear(logits, 2 * i * strideOfLogits + label, 1);
            }
        }

        private void finish(Call call, int n, int i) {
            long row = call.rows[n];
            float cap = call.target.softCap();
            float most = capped(before[i], cap);
            float z = capped(logit[i], cap);
            double e = Exp.exp(z - most);
            call.loss[n] = StrictMath.log(sum[i]) + ((double) most - z);
            call.correct[n] = right[i] && !Double.isNaN(sum[i]);
            if (call.losses != null) {
                Lanes.set(call.losses.data(), row, (float) call.loss[n]);
            }
            if (call.dHidden != null) {
                float scale = CrossEntropy.scale(call.target, row);
                float slope = cap > 0 ? SoftCap.slope(z, 1 / cap) : 1;
                backward.widenRow(label(call, n), word);
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

    private static float capped(float z, float cap) {
        return cap > 0 ? SoftCap.cap(z, cap) : z;
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
