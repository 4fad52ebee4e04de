package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** Root-mean-square normalisation of rows. */
final class RmsNorm {
    private final Team team;

    RmsNorm(Team team) {
        this.team = team;
    }

    void forward(Tensor x, Tensor weight, float offset, float epsilon, Tensor y, Tensor rstd) {
        Shapes.realMatrix("rmsNorm x", x);
        int rows = x.rows();
        int columns = x.columns();
        Shapes.floats("rmsNorm weight", weight, columns);
        Shapes.realMatrix("rmsNorm y", y, rows, columns);
        Shapes.floats("rmsNorm rstd", rstd, rows);
        Floats in = Floats.of(x);
        Floats out = Floats.of(y);
        team.rows(rows, columns, (from, to) -> {
            float[] lanes = new float[Lanes.WIDTH];
            for (long n = from; n < to; n++) {
                long at = n * columns;
                float squares = Floats.dot(in, at, in, at, columns, lanes);
                float r = (float) (1 / Math.sqrt((double) squares / columns + epsilon));
                Lanes.set(rstd.data(), n, r);
                scaleRow(in, weight.data(), offset, out, at, columns, r);
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
        Shapes.realMatrix("rmsNormBackward x", x);
        int rows = x.rows();
        int columns = x.columns();
        Shapes.realMatrix("rmsNormBackward dy", dy, rows, columns);
        Shapes.floats("rmsNormBackward weight", weight, columns);
        Shapes.floats("rmsNormBackward rstd", rstd, rows);
        if (dx != null) {
            Shapes.realMatrix("rmsNormBackward dx", dx, rows, columns);
        }
        if (dWeight != null) {
            Shapes.floats("rmsNormBackward dWeight", dWeight, columns);
            weightGradient(Floats.of(dy), Floats.of(x), rstd.data(), rows, columns, dWeight.data());
        }
        if (dx != null) {
            inputGradient(
                    Floats.of(dy), Floats.of(x), weight.data(), offset, rstd.data(), rows, columns, Floats.of(dx));
        }
    }

    private void weightGradient(Floats dy, Floats x, MemorySegment rstd, int rows, int columns, MemorySegment dWeight) {
        team.columns(rows, columns, (from, to) -> {
            for (long n = 0; n < rows; n++) {
                addWeightRow(dy, x, n * columns, Lanes.get(rstd, n), dWeight, (int) from, (int) to);
            }
        });
    }

    private void inputGradient(
            Floats dy,
            Floats x,
            MemorySegment weight,
            float offset,
            MemorySegment rstd,
            int rows,
            int columns,
            Floats dx) {
        team.rows(rows, columns, (from, to) -> {
            float[] lanes = new float[Lanes.WIDTH];
            for (long n = from; n < to; n++) {
                long at = n * columns;
                float r = Lanes.get(rstd, n);
                float mean = weightedDot(dy, x, weight, offset, at, columns, lanes) / columns;
                addInputRow(dy, x, weight, offset, at, columns, r, r * r * r * mean, dx);
            }
        });
    }

    /** {@code y = x * r * (offset + weight)} in one row. */
    private static void scaleRow(
            Floats x, MemorySegment weight, float offset, Floats y, long at, int columns, float r) {
        int whole = Lanes.whole(columns);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            y.store(x.load(at + c).mul(r).mul(Lanes.load(weight, c).add(offset)), at + c);
        }
        for (int c = whole; c < columns; c++) {
            y.set(at + c, x.get(at + c) * r * (Lanes.get(weight, c) + offset));
        }
    }

    /** {@code sum of dy * (offset + weight) * x} in one row. */
    private static float weightedDot(
            Floats dy, Floats x, MemorySegment weight, float offset, long at, int columns, float[] lanes) {
        int whole = Lanes.whole(columns);
        FloatVector acc = FloatVector.zero(Lanes.F);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            acc = dy.load(at + c).mul(Lanes.load(weight, c).add(offset)).fma(x.load(at + c), acc);
        }
        float sum = Lanes.sum(acc, lanes);
        for (int c = whole; c < columns; c++) {
            sum = Math.fma(dy.get(at + c) * (Lanes.get(weight, c) + offset), x.get(at + c), sum);
        }
        return sum;
    }

    /** {@code dx += dy * (offset + weight) * r - x * back} in one row, {@code back = r^3 mean(m x)}. */
    private static void addInputRow(
            Floats dy,
            Floats x,
            MemorySegment weight,
            float offset,
            long at,
            int columns,
            float r,
            float back,
            Floats dx) {
        int whole = Lanes.whole(columns);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            FloatVector direct =
                    dy.load(at + c).mul(Lanes.load(weight, c).add(offset)).mul(r);
            FloatVector grad = x.load(at + c).fma(Lanes.all(-back), direct);
            dx.store(dx.load(at + c).add(grad), at + c);
        }
        for (int c = whole; c < columns; c++) {
            float direct = dy.get(at + c) * (Lanes.get(weight, c) + offset) * r;
            float grad = Math.fma(x.get(at + c), -back, direct);
            dx.set(at + c, dx.get(at + c) + grad);
        }
    }

    /** {@code dWeight += dy * x * r} for one row, in the columns {@code [from, to)}. */
    private static void addWeightRow(Floats dy, Floats x, long at, float r, MemorySegment dWeight, int from, int to) {
        int whole = (int) Lanes.whole(from, to);
        for (int c = from; c < whole; c += Lanes.WIDTH) {
            FloatVector sum = dy.load(at + c).mul(r).fma(x.load(at + c), Lanes.load(dWeight, c));
            Lanes.store(sum, dWeight, c);
        }
        for (int c = whole; c < to; c++) {
            Lanes.set(dWeight, c, Math.fma(dy.get(at + c) * r, x.get(at + c), Lanes.get(dWeight, c)));
        }
    }
}
