package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** Normalisation of rows to mean 0 and variance 1, then a weight and a bias. */
final class LayerNorm {
    private final Team team;

    LayerNorm(Team team) {
        this.team = team;
    }

    void forward(Tensor x, Tensor weight, Tensor bias, float epsilon, Tensor y, Tensor mean, Tensor rstd) {
        Shapes.matrix("layerNorm x", x);
        int rows = x.rows();
        int columns = x.columns();
        Shapes.floats("layerNorm weight", weight, columns);
        Shapes.floats("layerNorm bias", bias, columns);
        Shapes.matrix("layerNorm y", y, rows, columns);
        Shapes.floats("layerNorm mean", mean, rows);
        Shapes.floats("layerNorm rstd", rstd, rows);
        team.rows(rows, columns, (from, to) -> {
            for (long n = from; n < to; n++) {
                long at = n * columns;
                double sum = 0;
                for (int c = 0; c < columns; c++) {
                    sum += Lanes.get(x.data(), at + c);
                }
                double m = sum / columns;
                double squares = 0;
                for (int c = 0; c < columns; c++) {
                    double d = Lanes.get(x.data(), at + c) - m;
                    squares += d * d;
                }
                float r = (float) (1 / Math.sqrt(squares / columns + epsilon));
                Lanes.set(mean.data(), n, (float) m);
                Lanes.set(rstd.data(), n, r);
                normalizeRow(x.data(), at, columns, (float) m, r, weight.data(), bias.data(), y.data());
            }
        });
    }

    /** {@code y = (x - m) * r * weight + bias} in one row. */
    private static void normalizeRow(
            MemorySegment x,
            long at,
            int columns,
            float m,
            float r,
            MemorySegment weight,
            MemorySegment bias,
            MemorySegment y) {
        int whole = Lanes.whole(columns);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            FloatVector h = Lanes.load(x, at + c).sub(m).mul(r);
            Lanes.store(h.fma(Lanes.load(weight, c), Lanes.load(bias, c)), y, at + c);
        }
        for (int c = whole; c < columns; c++) {
            float h = (Lanes.get(x, at + c) - m) * r;
            Lanes.set(y, at + c, Math.fma(h, Lanes.get(weight, c), Lanes.get(bias, c)));
        }
    }

    /**
     * Derivation, for one row of width C: {@code h_i = (x_i - m) r}, {@code y_i = h_i w_i + b_i}. With
     * {@code e = dy * w}, {@code dm/dx_j = 1 / C} and {@code dr/dx_j = -r^2 h_j / C}:
     *
     * <pre>
     * dx_j = r (e_j - mean(e) - h_j mean(e h))
     * dw_i = sum over rows of dy_i h_i        db_i = sum over rows of dy_i
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
        Shapes.matrix("layerNormBackward x", x);
        int rows = x.rows();
        int columns = x.columns();
        Shapes.matrix("layerNormBackward dy", dy, rows, columns);
        Shapes.floats("layerNormBackward weight", weight, columns);
        Shapes.floats("layerNormBackward mean", mean, rows);
        Shapes.floats("layerNormBackward rstd", rstd, rows);
        if (dWeight != null) {
            Shapes.floats("layerNormBackward dWeight", dWeight, columns);
            team.columns(rows, columns, (from, to) -> {
                for (long n = 0; n < rows; n++) {
                    float m = Lanes.get(mean.data(), n);
                    float r = Lanes.get(rstd.data(), n);
                    addWeightRow(dy.data(), x.data(), n * columns, m, r, dWeight.data(), (int) from, (int) to);
                }
            });
        }
        if (dBias != null) {
            new Columns(team).sums(dy, dBias);
        }
        if (dx != null) {
            Shapes.matrix("layerNormBackward dx", dx, rows, columns);
            team.rows(rows, columns, (from, to) -> {
                for (long n = from; n < to; n++) {
                    float m = Lanes.get(mean.data(), n);
                    float r = Lanes.get(rstd.data(), n);
                    addInputRow(dy.data(), x.data(), n * columns, columns, m, r, weight.data(), dx.data());
                }
            });
        }
    }

    private static void addWeightRow(
            MemorySegment dy,
            MemorySegment x,
            long at,
            float m,
            float r,
            MemorySegment dWeight,
            int from,
            int to) {
        int whole = (int) Lanes.whole(from, to);
        for (int c = from; c < whole; c += Lanes.WIDTH) {
            FloatVector h = Lanes.load(x, at + c).sub(m).mul(r);
            Lanes.store(h.fma(Lanes.load(dy, at + c), Lanes.load(dWeight, c)), dWeight, c);
        }
        for (int c = whole; c < to; c++) {
            float h = (Lanes.get(x, at + c) - m) * r;
            Lanes.set(dWeight, c, Math.fma(h, Lanes.get(dy, at + c), Lanes.get(dWeight, c)));
        }
    }

    private static void addInputRow(
            MemorySegment dy,
            MemorySegment x,
            long at,
            int columns,
            float m,
            float r,
            MemorySegment weight,
            MemorySegment dx) {
        double sum = 0;
        double product = 0;
        for (int c = 0; c < columns; c++) {
            double e = (double) Lanes.get(dy, at + c) * Lanes.get(weight, c);
            sum += e;
            product += e * ((Lanes.get(x, at + c) - m) * r);
        }
        float meanOfE = (float) (sum / columns);
        float meanOfEh = (float) (product / columns);
        int whole = Lanes.whole(columns);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            FloatVector h = Lanes.load(x, at + c).sub(m).mul(r);
            FloatVector e = Lanes.load(dy, at + c).mul(Lanes.load(weight, c));
            FloatVector grad = h.fma(Lanes.all(-meanOfEh), e.sub(meanOfE));
            Lanes.store(grad.fma(Lanes.all(r), Lanes.load(dx, at + c)), dx, at + c);
        }
        for (int c = whole; c < columns; c++) {
            float h = (Lanes.get(x, at + c) - m) * r;
            float e = Lanes.get(dy, at + c) * Lanes.get(weight, c);
            float grad = Math.fma(h, -meanOfEh, e - meanOfE);
            Lanes.set(dx, at + c, Math.fma(grad, r, Lanes.get(dx, at + c)));
        }
    }
}
