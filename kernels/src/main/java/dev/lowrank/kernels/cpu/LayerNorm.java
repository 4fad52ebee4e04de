package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.shapes.NormShapes;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** Normalisation of rows to mean zero and variance one, then a weight and a bias. */
final class LayerNorm {
    private final Team team;

    LayerNorm(Team team) {
        this.team = team;
    }

    void forward(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y, Tensor mean, Tensor rstd) {
        NormShapes.layerNorm(x, weight, bias, y, mean, rstd);
        int rows = x.rows();
        int columns = x.columns();
        team.rows(rows, columns, (part, from, to) -> {
            Stretch[] s = Stretch.of(team, part, columns, x, y);
            MemorySegment in = s[0].memory();
            Stretch out = s[1];
            for (long n = from; n < to; n++) {
                long at = n * columns;
                long atX = s[0].read(at, columns);
                float mu = sum(in, atX, columns) / columns;
                // About the mean, in a second pass: the mean of squares less the square of the mean would cancel.
                float squares = squaresAbout(mu, in, atX, columns);
                float r = (float) (1 / Math.sqrt((double) squares / columns + epsilon));
                Lanes.set(mean.data(), n, mu);
                Lanes.set(rstd.data(), n, r);
                writeRow(in, atX, weight.data(), bias.data(), out.memory(), out.place(at), columns, mu, r);
                out.write(at, columns);
            }
        });
    }

    /**
     * Derivation, for one row of width C: {@code y_i = h_i w_i + b_i} with {@code h_i = (x_i - mu) r},
     * {@code mu = mean(x)} and {@code r = (mean((x - mu)^2) + eps)^(-1/2)}. From {@code dmu/dx_j = 1 / C} and
     * {@code dr/dx_j = -r^3 (x_j - mu) / C = -r^2 h_j / C} follows {@code dh_i/dx_j = r (delta_ij - 1/C - h_i h_j / C)},
     * so with {@code m = dy * w}:
     *
     * <pre>
     * dx_j = r (m_j - mean(m) - h_j mean(m h))
     * dw_i = sum over rows of dy_i h_i
     * db_i = sum over rows of dy_i
     * </pre>
     */
    void backward(
            Tensor dy,
            Tensor x,
            Tensor weight,
            Tensor mean,
            Tensor rstd,
            @Nullable Tensor dx,
            @Nullable Tensor dWeight,
            @Nullable Tensor dBias) {
        NormShapes.layerNormBackward(dy, x, weight, mean, rstd, dx, dWeight, dBias);
        if (dBias != null) {
            Columns.addRows(team, dy, dBias);
        }
        if (dWeight != null) {
            weightGradient(dy, x, mean.data(), rstd.data(), dWeight.data());
        }
        if (dx != null) {
            inputGradient(dy, x, weight.data(), mean.data(), rstd.data(), dx);
        }
    }

    private void weightGradient(Tensor dy, Tensor x, MemorySegment mean, MemorySegment rstd, MemorySegment dWeight) {
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
                float mu = Lanes.get(mean, n);
                float r = Lanes.get(rstd, n);
                addWeightRow(d.memory(), atDy, in.memory(), atX, mu, r, dWeight, from, count);
            }
        });
    }

    private void inputGradient(
            Tensor dy, Tensor x, MemorySegment weight, MemorySegment mean, MemorySegment rstd, Tensor dx) {
        int columns = x.columns();
        team.rows(x.rows(), columns, (part, from, to) -> {
            Stretch[] s = Stretch.of(team, part, columns, dy, x, dx);
            MemorySegment d = s[0].memory();
            MemorySegment in = s[1].memory();
            Stretch sum = s[2];
            for (long n = from; n < to; n++) {
                long at = n * columns;
                long atDy = s[0].read(at, columns);
                long atX = s[1].read(at, columns);
                long atDx = sum.read(at, columns);
                float mu = Lanes.get(mean, n);
                float r = Lanes.get(rstd, n);
                float meanM = Lanes.dot(d, atDy, weight, 0, columns) / columns;
                float meanMh = weightedDot(d, atDy, in, atX, weight, columns, mu) * r / columns;
                addInputRow(d, atDy, in, atX, weight, columns, mu, r, meanM, meanMh, sum.memory(), atDx);
                sum.write(at, columns);
            }
        });
    }

    private static float sum(MemorySegment x, long at, int columns) {
        int whole = Lanes.whole(columns);
        FloatVector acc = FloatVector.zero(Lanes.F);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            acc = acc.add(Lanes.load(x, at + c));
        }
        float sum = Lanes.sum(acc);
        for (int c = whole; c < columns; c++) {
            sum += Lanes.get(x, at + c);
        }
        return sum;
    }

    private static float squaresAbout(float mu, MemorySegment x, long at, int columns) {
        int whole = Lanes.whole(columns);
        FloatVector acc = FloatVector.zero(Lanes.F);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            FloatVector d = Lanes.load(x, at + c).sub(mu);
            acc = d.fma(d, acc);
        }
        float sum = Lanes.sum(acc);
        for (int c = whole; c < columns; c++) {
            float d = Lanes.get(x, at + c) - mu;
            sum = Math.fma(d, d, sum);
        }
        return sum;
    }

    /** {@code y = (x - mu) * r * weight + bias} in one row. */
    private static void writeRow(
            MemorySegment x,
            long atX,
            MemorySegment weight,
            MemorySegment bias,
            MemorySegment y,
            long atY,
            int columns,
            float mu,
            float r) {
        int whole = Lanes.whole(columns);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            FloatVector h = Lanes.load(x, atX + c).sub(mu).mul(r);
            Lanes.store(h.fma(Lanes.load(weight, c), Lanes.load(bias, c)), y, atY + c);
        }
        for (int c = whole; c < columns; c++) {
            float h = (Lanes.get(x, atX + c) - mu) * r;
            Lanes.set(y, atY + c, Math.fma(h, Lanes.get(weight, c), Lanes.get(bias, c)));
        }
    }

    /** {@code sum of dy * weight * (x - mu)} in one row. */
    private static float weightedDot(
            MemorySegment dy, long atDy, MemorySegment x, long atX, MemorySegment weight, int columns, float mu) {
        int whole = Lanes.whole(columns);
        FloatVector acc = FloatVector.zero(Lanes.F);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            FloatVector m = Lanes.load(dy, atDy + c).mul(Lanes.load(weight, c));
            acc = m.fma(Lanes.load(x, atX + c).sub(mu), acc);
        }
        float sum = Lanes.sum(acc);
        for (int c = whole; c < columns; c++) {
            float m = Lanes.get(dy, atDy + c) * Lanes.get(weight, c);
            sum = Math.fma(m, Lanes.get(x, atX + c) - mu, sum);
        }
        return sum;
    }

    /** {@code dx += r * (m - meanM - h * meanMh)} in one row, {@code m = dy * weight}, {@code h = (x - mu) * r}. */
    private static void addInputRow(
            MemorySegment dy,
            long atDy,
            MemorySegment x,
            long atX,
            MemorySegment weight,
            int columns,
            float mu,
            float r,
            float meanM,
            float meanMh,
            MemorySegment dx,
            long atDx) {
        int whole = Lanes.whole(columns);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            FloatVector m = Lanes.load(dy, atDy + c).mul(Lanes.load(weight, c));
            FloatVector h = Lanes.load(x, atX + c).sub(mu).mul(r);
            FloatVector centred = h.fma(Lanes.all(-meanMh), m.sub(meanM));
            Lanes.store(centred.fma(Lanes.all(r), Lanes.load(dx, atDx + c)), dx, atDx + c);
        }
        for (int c = whole; c < columns; c++) {
            float m = Lanes.get(dy, atDy + c) * Lanes.get(weight, c);
            float h = (Lanes.get(x, atX + c) - mu) * r;
            float centred = Math.fma(h, -meanMh, m - meanM);
            Lanes.set(dx, atDx + c, Math.fma(centred, r, Lanes.get(dx, atDx + c)));
        }
    }

    /** {@code dWeight += dy * (x - mu) * r} for one row, over {@code n} columns. */
    private static void addWeightRow(
            MemorySegment dy,
            long atDy,
            MemorySegment x,
            long atX,
            float mu,
            float r,
            MemorySegment dWeight,
            long at,
            int n) {
        int whole = Lanes.whole(n);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            FloatVector h = Lanes.load(x, atX + c).sub(mu).mul(r);
            Lanes.store(h.fma(Lanes.load(dy, atDy + c), Lanes.load(dWeight, at + c)), dWeight, at + c);
        }
        for (int c = whole; c < n; c++) {
            float h = (Lanes.get(x, atX + c) - mu) * r;
            Lanes.set(dWeight, at + c, Math.fma(h, Lanes.get(dy, atDy + c), Lanes.get(dWeight, at + c)));
        }
    }
}
