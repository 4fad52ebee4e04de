package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
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
        Shapes.realMatrix("layerNorm x", x);
        int rows = x.rows();
        int columns = x.columns();
        Shapes.floats("layerNorm weight", weight, columns);
        Shapes.floats("layerNorm bias", bias, columns);
        Shapes.realMatrix("layerNorm y", y, rows, columns);
        Shapes.floats("layerNorm mean", mean, rows);
        Shapes.floats("layerNorm rstd", rstd, rows);
        Floats in = Floats.of(x);
        Floats out = Floats.of(y);
        team.rows(rows, columns, (from, to) -> {
            float[] lanes = new float[Lanes.WIDTH];
            for (long n = from; n < to; n++) {
                long at = n * columns;
                float mu = sum(in, at, columns, lanes) / columns;
                // About the mean, in a second pass: the mean of squares less the square of the mean would cancel.
                float squares = squaresAbout(mu, in, at, columns, lanes);
                float r = (float) (1 / Math.sqrt((double) squares / columns + epsilon));
                Lanes.set(mean.data(), n, mu);
                Lanes.set(rstd.data(), n, r);
                writeRow(in, weight.data(), bias.data(), out, at, columns, mu, r);
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
        Shapes.realMatrix("layerNormBackward x", x);
        int rows = x.rows();
        int columns = x.columns();
        Shapes.realMatrix("layerNormBackward dy", dy, rows, columns);
        Shapes.floats("layerNormBackward weight", weight, columns);
        Shapes.floats("layerNormBackward mean", mean, rows);
        Shapes.floats("layerNormBackward rstd", rstd, rows);
        if (dx != null) {
            Shapes.realMatrix("layerNormBackward dx", dx, rows, columns);
        }
        if (dWeight != null) {
            Shapes.floats("layerNormBackward dWeight", dWeight, columns);
        }
        if (dBias != null) {
            Shapes.floats("layerNormBackward dBias", dBias, columns);
            Columns.addRows(team, Floats.of(dy), rows, columns, Floats.of(dBias));
        }
        if (dWeight != null) {
            weightGradient(Floats.of(dy), Floats.of(x), mean.data(), rstd.data(), rows, columns, dWeight.data());
        }
        if (dx != null) {
            inputGradient(
                    Floats.of(dy), Floats.of(x), weight.data(), mean.data(), rstd.data(), rows, columns, Floats.of(dx));
        }
    }

    private void weightGradient(
            Floats dy, Floats x, MemorySegment mean, MemorySegment rstd, int rows, int columns, MemorySegment dWeight) {
        team.columns(rows, columns, (from, to) -> {
            for (long n = 0; n < rows; n++) {
                float mu = Lanes.get(mean, n);
                float r = Lanes.get(rstd, n);
                addWeightRow(dy, x, n * columns, mu, r, dWeight, (int) from, (int) to);
            }
        });
    }

    private void inputGradient(
            Floats dy,
            Floats x,
            MemorySegment weight,
            MemorySegment mean,
            MemorySegment rstd,
            int rows,
            int columns,
            Floats dx) {
        team.rows(rows, columns, (from, to) -> {
            float[] lanes = new float[Lanes.WIDTH];
            Floats weights = new Floats(weight, false);
            for (long n = from; n < to; n++) {
                long at = n * columns;
                float mu = Lanes.get(mean, n);
                float r = Lanes.get(rstd, n);
                float meanM = Floats.dot(dy, at, weights, 0, columns, lanes) / columns;
                float meanMh = weightedDot(dy, x, weight, at, columns, mu, lanes) * r / columns;
                addInputRow(dy, x, weight, at, columns, mu, r, meanM, meanMh, dx);
            }
        });
    }

    private static float sum(Floats x, long at, int columns, float[] lanes) {
        int whole = Lanes.whole(columns);
        FloatVector acc = FloatVector.zero(Lanes.F);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            acc = acc.add(x.load(at + c));
        }
        float sum = Lanes.sum(acc, lanes);
        for (int c = whole; c < columns; c++) {
            sum += x.get(at + c);
        }
        return sum;
    }

    private static float squaresAbout(float mu, Floats x, long at, int columns, float[] lanes) {
        int whole = Lanes.whole(columns);
        FloatVector acc = FloatVector.zero(Lanes.F);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            FloatVector d = x.load(at + c).sub(mu);
            acc = d.fma(d, acc);
        }
        float sum = Lanes.sum(acc, lanes);
        for (int c = whole; c < columns; c++) {
            float d = x.get(at + c) - mu;
            sum = Math.fma(d, d, sum);
        }
        return sum;
    }

    /** {@code y = (x - mu) * r * weight + bias} in one row. */
    private static void writeRow(
            Floats x, MemorySegment weight, MemorySegment bias, Floats y, long at, int columns, float mu, float r) {
        int whole = Lanes.whole(columns);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            FloatVector h = x.load(at + c).sub(mu).mul(r);
            y.store(h.fma(Lanes.load(weight, c), Lanes.load(bias, c)), at + c);
        }
        for (int c = whole; c < columns; c++) {
            float h = (x.get(at + c) - mu) * r;
            y.set(at + c, Math.fma(h, Lanes.get(weight, c), Lanes.get(bias, c)));
        }
    }

    /** {@code sum of dy * weight * (x - mu)} in one row. */
    private static float weightedDot(
            Floats dy, Floats x, MemorySegment weight, long at, int columns, float mu, float[] lanes) {
        int whole = Lanes.whole(columns);
        FloatVector acc = FloatVector.zero(Lanes.F);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            FloatVector m = dy.load(at + c).mul(Lanes.load(weight, c));
            acc = m.fma(x.load(at + c).sub(mu), acc);
        }
        float sum = Lanes.sum(acc, lanes);
        for (int c = whole; c < columns; c++) {
            float m = dy.get(at + c) * Lanes.get(weight, c);
            sum = Math.fma(m, x.get(at + c) - mu, sum);
        }
        return sum;
    }

    /** {@code dx += r * (m - meanM - h * meanMh)} in one row, {@code m = dy * weight}, {@code h = (x - mu) * r}. */
    private static void addInputRow(
            Floats dy,
            Floats x,
            MemorySegment weight,
            long at,
            int columns,
            float mu,
            float r,
            float meanM,
            float meanMh,
            Floats dx) {
        int whole = Lanes.whole(columns);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            FloatVector m = dy.load(at + c).mul(Lanes.load(weight, c));
            FloatVector h = x.load(at + c).sub(mu).mul(r);
            FloatVector centred = h.fma(Lanes.all(-meanMh), m.sub(meanM));
            dx.store(centred.fma(Lanes.all(r), dx.load(at + c)), at + c);
        }
        for (int c = whole; c < columns; c++) {
            float m = dy.get(at + c) * Lanes.get(weight, c);
            float h = (x.get(at + c) - mu) * r;
            float centred = Math.fma(h, -meanMh, m - meanM);
            dx.set(at + c, Math.fma(centred, r, dx.get(at + c)));
        }
    }

    /** {@code dWeight += dy * (x - mu) * r} for one row, in the columns {@code [from, to)}. */
    private static void addWeightRow(
            Floats dy, Floats x, long at, float mu, float r, MemorySegment dWeight, int from, int to) {
        int whole = (int) Lanes.whole(from, to);
        for (int c = from; c < whole; c += Lanes.WIDTH) {
            FloatVector h = x.load(at + c).sub(mu).mul(r);
            Lanes.store(h.fma(dy.load(at + c), Lanes.load(dWeight, c)), dWeight, c);
        }
        for (int c = whole; c < to; c++) {
            float h = (x.get(at + c) - mu) * r;
            Lanes.set(dWeight, c, Math.fma(h, dy.get(at + c), Lanes.get(dWeight, c)));
        }
    }
}
