package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.shapes.NormShapes;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** Root-mean-square normalisation of rows. */
final class RmsNorm {
    private final Team team;
    private final CodedNorm[] coded;

    RmsNorm(Team team) {
        this.team = team;
        this.coded = new CodedNorm[team.size()];
        Arrays.setAll(coded, part -> new CodedNorm());
    }

    void forward(Tensor x, Tensor weight, float offset, float epsilon, Tensor y, Tensor rstd) {
        NormShapes.rmsNorm(x, weight, y, rstd);
        int rows = x.rows();
        int columns = x.columns();
        if (CodedNorm.takes(x, y)) {
            team.rows(rows, columns, (part, from, to) -> {
                coded[part].forward(x, weight, offset, epsilon, y, rstd, from, to);
            });
            return;
        }
        boolean half = y.dtype() == DType.BF16;
        team.rows(rows, columns, (part, from, to) -> {
            Stretch[] s = Stretch.of(team, part, columns, x, y);
            Stretch in = s[0];
            Stretch out = s[1];
            for (long n = from; n < to; n++) {
                long at = n * columns;
                long atX = in.read(at, columns);
                float squares = squares(in.memory(), atX, columns);
                float r = rstd(squares, columns, epsilon);
                Lanes.set(rstd.data(), n, r);
                if (half) {
                    scaleRowToHalf(in.memory(), atX, weight.data(), offset, y.data(), at, columns, r);
                } else {
                    scaleRow(in.memory(), atX, weight.data(), offset, out.memory(), out.place(at), columns, r);
                    out.write(at, columns);
                }
            }
        });
    }

    /**
     * Derivation, for one row of width C: {@code y_i = x_i r (o + w_i)} with {@code r = (mean(x^2) + eps)^(-1/2)}. From
     * {@code dr/dx_j = -r^3 x_j / C}, with {@code m = dy * (o + w)}:
     *
     * <pre>
     * dx_j = m_j r + sum_i(m_i x_i) * dr/dx_j = r (m_j - x_j r^2 mean(m x))
     * dw_i = sum over rows of dy_i x_i r
     * </pre>
     */
    void backward(
            Tensor dy,
            Tensor x,
            Tensor weight,
            float offset,
            Tensor rstd,
            @Nullable Tensor dx,
            @Nullable Tensor dWeight) {
        NormShapes.rmsNormBackward(dy, x, weight, rstd, dx, dWeight);
        if (dWeight != null) {
            weightGradient(dy, x, rstd.data(), dWeight.data());
        }
        if (dx != null) {
            if (CodedNorm.takes(x, dy) && dx.dtype() == DType.F32) {
                team.rows(x.rows(), x.columns(), (part, from, to) -> {
                    coded[part].backward(dy, x, weight, offset, rstd, dx, from, to);
                });
            } else {
                inputGradient(dy, x, weight.data(), offset, rstd.data(), dx);
            }
        }
    }

    /** {@code (mean(x^2) + eps)^(-1/2)}. */
    static float rstd(float squares, int columns, float epsilon) {
        return (float) (1 / Math.sqrt((double) squares / columns + epsilon));
    }

    private void weightGradient(Tensor dy, Tensor x, MemorySegment rstd, MemorySegment dWeight) {
        int rows = x.rows();
        int columns = x.columns();
        team.columns(rows, columns, (part, from, to) -> {
            int count = (int) (to - from);
            Stretch[] s = Stretch.of(team, part, count, dy, x);
            Stretch d = s[0];
            Stretch in = s[1];
            for (long n = 0; n < rows; n++) {
                long at = n * columns + from;
                long atDy = d.read(at, count);
                long atX = in.read(at, count);
                addWeightRow(d.memory(), atDy, in.memory(), atX, Lanes.get(rstd, n), dWeight, from, count);
            }
        });
    }

    private void inputGradient(Tensor dy, Tensor x, MemorySegment weight, float offset, MemorySegment rstd, Tensor dx) {
        int columns = x.columns();
        boolean half = dy.dtype() == DType.BF16;
        team.rows(x.rows(), columns, (part, from, to) -> {
            Stretch[] s = Stretch.of(team, part, columns, dy, x, dx);
            MemorySegment d = s[0].memory(); // Of BF16 it takes dy * (offset + weight).
            MemorySegment in = s[1].memory();
            Stretch sum = s[2];
            for (long n = from; n < to; n++) {
                long at = n * columns;
                long atX = s[1].read(at, columns);
                long atDx = sum.read(at, columns);
                float r = Lanes.get(rstd, n);
                if (half) {
                    float mean = weigh(dy.data(), at, in, atX, weight, offset, columns, d) / columns;
                    addWeighedRow(d, in, atX, columns, r, r * r * r * mean, sum.memory(), atDx);
                } else {
                    float mean = weightedDot(d, at, in, atX, weight, offset, columns) / columns;
                    addInputRow(d, at, in, atX, weight, offset, columns, r, r * r * r * mean, sum.memory(), atDx);
                }
                sum.write(at, columns);
            }
        });
    }

    /** {@code y = x * r * (offset + weight)} in one row. */
    private static void scaleRow(
            MemorySegment x,
            long atX,
            MemorySegment weight,
            float offset,
            MemorySegment y,
            long atY,
            int columns,
            float r) {
        int whole = Lanes.whole(columns);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            Lanes.store(Lanes.load(x, atX + c).mul(r).mul(Lanes.load(weight, c).add(offset)), y, atY + c);
        }
        for (int c = whole; c < columns; c++) {
            Lanes.set(y, atY + c, Lanes.get(x, atX + c) * r * (Lanes.get(weight, c) + offset));
        }
    }

    /** The same to BF16 without a stretch. */
    private static void scaleRowToHalf(
            MemorySegment x,
            long atX,
            MemorySegment weight,
            float offset,
            MemorySegment y,
            long atY,
            int columns,
            float r) {
        int whole = Lanes.whole(columns);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            Floats.narrow(
                    Lanes.load(x, atX + c).mul(r).mul(Lanes.load(weight, c).add(offset)), y, atY + c);
        }
        for (int c = whole; c < columns; c++) {
            Floats.narrow(Lanes.get(x, atX + c) * r * (Lanes.get(weight, c) + offset), y, atY + c);
        }
    }

    /** {@code sum of x^2} in one row, in four sums at once: one alone would wait for itself at each vector. */
    private static float squares(MemorySegment x, long at, int columns) {
        int fours = columns / (4 * Lanes.WIDTH) * (4 * Lanes.WIDTH);
        int whole = Lanes.whole(columns);
        FloatVector first = FloatVector.zero(Lanes.F);
        FloatVector second = FloatVector.zero(Lanes.F);
        FloatVector third = FloatVector.zero(Lanes.F);
        FloatVector fourth = FloatVector.zero(Lanes.F);
        for (int c = 0; c < fours; c += 4 * Lanes.WIDTH) {
            FloatVector a = Lanes.load(x, at + c);
            FloatVector b = Lanes.load(x, at + c + Lanes.WIDTH);
            FloatVector d = Lanes.load(x, at + c + 2 * Lanes.WIDTH);
            FloatVector e = Lanes.load(x, at + c + 3 * Lanes.WIDTH);
            first = a.fma(a, first);
            second = b.fma(b, second);
            third = d.fma(d, third);
            fourth = e.fma(e, fourth);
        }
        for (int c = fours; c < whole; c += Lanes.WIDTH) {
            FloatVector a = Lanes.load(x, at + c);
            first = a.fma(a, first);
        }
        float sum = Lanes.sum(first.add(second).add(third.add(fourth)));
        for (int c = whole; c < columns; c++) {
            sum = Math.fma(Lanes.get(x, at + c), Lanes.get(x, at + c), sum);
        }
        return sum;
    }

    /** {@code sum of dy * (offset + weight) * x} in one row. */
    private static float weightedDot(
            MemorySegment dy, long atDy, MemorySegment x, long atX, MemorySegment weight, float offset, int columns) {
        int whole = Lanes.whole(columns);
        int pairs = columns / (2 * Lanes.WIDTH) * (2 * Lanes.WIDTH);
        FloatVector first = FloatVector.zero(Lanes.F);
        FloatVector second = FloatVector.zero(Lanes.F);
        for (int c = 0; c < pairs; c += 2 * Lanes.WIDTH) {
            int next = c + Lanes.WIDTH;
            FloatVector a = Lanes.load(dy, atDy + c).mul(Lanes.load(weight, c).add(offset));
            FloatVector b =
                    Lanes.load(dy, atDy + next).mul(Lanes.load(weight, next).add(offset));
            first = a.fma(Lanes.load(x, atX + c), first);
            second = b.fma(Lanes.load(x, atX + next), second);
        }
        if (pairs < whole) {
            FloatVector a =
                    Lanes.load(dy, atDy + pairs).mul(Lanes.load(weight, pairs).add(offset));
            first = a.fma(Lanes.load(x, atX + pairs), first);
        }
        float sum = Lanes.sum(first.add(second));
        for (int c = whole; c < columns; c++) {
            sum = Math.fma(Lanes.get(dy, atDy + c) * (Lanes.get(weight, c) + offset), Lanes.get(x, atX + c), sum);
        }
        return sum;
    }

    /** The same of a BF16 dy; leaves {@code m = dy * (offset + weight)} behind. */
    private static float weigh(
            MemorySegment dy,
            long atDy,
            MemorySegment x,
            long atX,
            MemorySegment weight,
            float offset,
            int columns,
            MemorySegment m) {
        int whole = Lanes.whole(columns);
        int pairs = columns / (2 * Lanes.WIDTH) * (2 * Lanes.WIDTH);
        FloatVector first = FloatVector.zero(Lanes.F);
        FloatVector second = FloatVector.zero(Lanes.F);
        for (int c = 0; c < pairs; c += 2 * Lanes.WIDTH) {
            int next = c + Lanes.WIDTH;
            FloatVector a = Floats.widen(dy, atDy + c).mul(Lanes.load(weight, c).add(offset));
            FloatVector b =
                    Floats.widen(dy, atDy + next).mul(Lanes.load(weight, next).add(offset));
            Lanes.store(a, m, c);
            Lanes.store(b, m, next);
            first = a.fma(Lanes.load(x, atX + c), first);
            second = b.fma(Lanes.load(x, atX + next), second);
        }
        if (pairs < whole) {
            FloatVector a =
                    Floats.widen(dy, atDy + pairs).mul(Lanes.load(weight, pairs).add(offset));
            Lanes.store(a, m, pairs);
            first = a.fma(Lanes.load(x, atX + pairs), first);
        }
        float sum = Lanes.sum(first.add(second));
        for (int c = whole; c < columns; c++) {
            float one = Floats.wide(dy, atDy + c) * (Lanes.get(weight, c) + offset);
            Lanes.set(m, c, one);
            sum = Math.fma(one, Lanes.get(x, atX + c), sum);
        }
        return sum;
    }

    /** {@code dx += m * r - x * back} in one row. */
    private static void addWeighedRow(
            MemorySegment m, MemorySegment x, long atX, int columns, float r, float back, MemorySegment dx, long atDx) {
        int whole = Lanes.whole(columns);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            FloatVector grad = Lanes.load(x, atX + c)
                    .fma(Lanes.all(-back), Lanes.load(m, c).mul(r));
            Lanes.store(Lanes.load(dx, atDx + c).add(grad), dx, atDx + c);
        }
        for (int c = whole; c < columns; c++) {
            float grad = Math.fma(Lanes.get(x, atX + c), -back, Lanes.get(m, c) * r);
            Lanes.set(dx, atDx + c, Lanes.get(dx, atDx + c) + grad);
        }
    }

    /** {@code dx += dy * (offset + weight) * r - x * back} in one row, {@code back = r^3 mean(m x)}. */
    private static void addInputRow(
            MemorySegment dy,
            long atDy,
            MemorySegment x,
            long atX,
            MemorySegment weight,
            float offset,
            int columns,
            float r,
            float back,
            MemorySegment dx,
            long atDx) {
        int whole = Lanes.whole(columns);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            FloatVector direct = Lanes.load(dy, atDy + c)
                    .mul(Lanes.load(weight, c).add(offset))
                    .mul(r);
            FloatVector grad = Lanes.load(x, atX + c).fma(Lanes.all(-back), direct);
            Lanes.store(Lanes.load(dx, atDx + c).add(grad), dx, atDx + c);
        }
        for (int c = whole; c < columns; c++) {
            float direct = Lanes.get(dy, atDy + c) * (Lanes.get(weight, c) + offset) * r;
            float grad = Math.fma(Lanes.get(x, atX + c), -back, direct);
            Lanes.set(dx, atDx + c, Lanes.get(dx, atDx + c) + grad);
        }
    }

    /** {@code dWeight += dy * x * r} for one row, over {@code n} columns. */
    private static void addWeightRow(
            MemorySegment dy, long atDy, MemorySegment x, long atX, float r, MemorySegment dWeight, long at, int n) {
        int whole = Lanes.whole(n);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            FloatVector scaled = Lanes.load(dy, atDy + c).mul(r);
            Lanes.store(scaled.fma(Lanes.load(x, atX + c), Lanes.load(dWeight, at + c)), dWeight, at + c);
        }
        for (int c = whole; c < n; c++) {
            float scaled = Lanes.get(dy, atDy + c) * r;
            Lanes.set(dWeight, at + c, Math.fma(scaled, Lanes.get(x, atX + c), Lanes.get(dWeight, at + c)));
        }
    }
}
