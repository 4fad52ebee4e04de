package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** What is done to all rows of a matrix by column: biases, factors, and moving some of the columns elsewhere. */
final class Columns {
    private final Team team;

    Columns(Team team) {
        this.team = team;
    }

    void addBias(Tensor x, Tensor bias) {
        Shapes.matrix("addBias x", x);
        int columns = x.columns();
        Shapes.floats("addBias bias", bias, columns);
        team.rows(x.rows(), columns, (from, to) -> {
            for (long n = from; n < to; n++) {
                addBiasRow(x.data(), n * columns, bias.data(), columns);
            }
        });
    }

    private static void addBiasRow(MemorySegment x, long at, MemorySegment bias, int columns) {
        int whole = Lanes.whole(columns);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            Lanes.store(Lanes.load(x, at + c).add(Lanes.load(bias, c)), x, at + c);
        }
        for (int c = whole; c < columns; c++) {
            Lanes.set(x, at + c, Lanes.get(x, at + c) + Lanes.get(bias, c));
        }
    }

    /** With {@code y = x + bias} in every row, {@code dBias_c = sum over n of dy[n, c]}. */
    void sums(Tensor dy, Tensor dBias) {
        Shapes.matrix("columnSums dy", dy);
        int rows = dy.rows();
        int columns = dy.columns();
        Shapes.floats("columnSums dBias", dBias, columns);
        team.columns(rows, columns, (from, to) -> {
            for (long n = 0; n < rows; n++) {
                addRow(dy.data(), n * columns, dBias.data(), (int) from, (int) to);
            }
        });
    }

    private static void addRow(MemorySegment dy, long at, MemorySegment sum, int from, int to) {
        int whole = (int) Lanes.whole(from, to);
        for (int c = from; c < whole; c += Lanes.WIDTH) {
            Lanes.store(Lanes.load(sum, c).add(Lanes.load(dy, at + c)), sum, c);
        }
        for (int c = whole; c < to; c++) {
            Lanes.set(sum, c, Lanes.get(sum, c) + Lanes.get(dy, at + c));
        }
    }

    void copy(Tensor source, int sourceColumn, Tensor target, int targetColumn, int columns) {
        Shapes.matrix("copyColumns source", source);
        Shapes.matrix("copyColumns target", target);
        int rows = source.rows();
        Shapes.require(
                target.rows() == rows,
                "copyColumns goes from %d rows to %d; they must be as many.".formatted(rows, target.rows()));
        int wide = source.columns();
        int targetWide = target.columns();
        requireRange("source", sourceColumn, columns, wide);
        requireRange("target", targetColumn, columns, targetWide);
        team.rows(rows, columns, (from, to) -> {
            for (long n = from; n < to; n++) {
                MemorySegment.copy(
                        source.data(),
                        ValueLayout.JAVA_FLOAT,
                        (n * wide + sourceColumn) * Float.BYTES,
                        target.data(),
                        ValueLayout.JAVA_FLOAT,
                        (n * targetWide + targetColumn) * Float.BYTES,
                        columns);
            }
        });
    }

    private static void requireRange(String what, int from, int count, int columns) {
        Shapes.require(
                from >= 0 && count >= 0 && (long) from + count <= columns,
                "copyColumns takes columns %d to %d of a %s with %d."
                        .formatted(from, (long) from + count, what, columns));
    }

    void scale(Tensor x, Tensor factor, Tensor out) {
        Shapes.matrix("scaleColumns x", x);
        int columns = x.columns();
        Shapes.floats("scaleColumns factor", factor, columns);
        Shapes.matrix("scaleColumns out", out, x.rows(), columns);
        team.rows(x.rows(), columns, (from, to) -> {
            for (long n = from; n < to; n++) {
                scaleRow(x.data(), n * columns, factor.data(), columns, out.data());
            }
        });
    }

    private static void scaleRow(MemorySegment x, long at, MemorySegment factor, int columns, MemorySegment out) {
        int whole = Lanes.whole(columns);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            Lanes.store(Lanes.load(x, at + c).mul(Lanes.load(factor, c)), out, at + c);
        }
        for (int c = whole; c < columns; c++) {
            Lanes.set(out, at + c, Lanes.get(x, at + c) * Lanes.get(factor, c));
        }
    }

    /**
     * With {@code y[n, c] = x[n, c] f[c]}: {@code dx[n, c] += dy[n, c] f[c]} and
     * {@code df[c] += sum over n of dy[n, c] x[n, c]}.
     */
    void scaleBackward(Tensor dy, Tensor x, Tensor factor, @Nullable Tensor dx, @Nullable Tensor dFactor) {
        Shapes.matrix("scaleColumnsBackward x", x);
        int rows = x.rows();
        int columns = x.columns();
        Shapes.matrix("scaleColumnsBackward dy", dy, rows, columns);
        Shapes.floats("scaleColumnsBackward factor", factor, columns);
        if (dFactor != null) {
            Shapes.floats("scaleColumnsBackward dFactor", dFactor, columns);
            team.columns(rows, columns, (from, to) -> {
                for (long n = 0; n < rows; n++) {
                    addProducts(dy.data(), x.data(), n * columns, dFactor.data(), (int) from, (int) to);
                }
            });
        }
        if (dx != null) {
            Shapes.matrix("scaleColumnsBackward dx", dx, rows, columns);
            team.rows(rows, columns, (from, to) -> {
                for (long n = from; n < to; n++) {
                    addScaledRow(dy.data(), n * columns, factor.data(), columns, dx.data());
                }
            });
        }
    }

    private static void addProducts(
            MemorySegment dy, MemorySegment x, long at, MemorySegment sum, int from, int to) {
        int whole = (int) Lanes.whole(from, to);
        for (int c = from; c < whole; c += Lanes.WIDTH) {
            FloatVector product = Lanes.load(dy, at + c).fma(Lanes.load(x, at + c), Lanes.load(sum, c));
            Lanes.store(product, sum, c);
        }
        for (int c = whole; c < to; c++) {
            Lanes.set(sum, c, Math.fma(Lanes.get(dy, at + c), Lanes.get(x, at + c), Lanes.get(sum, c)));
        }
    }

    private static void addScaledRow(MemorySegment dy, long at, MemorySegment factor, int columns, MemorySegment dx) {
        int whole = Lanes.whole(columns);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            FloatVector sum = Lanes.load(dy, at + c).fma(Lanes.load(factor, c), Lanes.load(dx, at + c));
            Lanes.store(sum, dx, at + c);
        }
        for (int c = whole; c < columns; c++) {
            Lanes.set(dx, at + c, Math.fma(Lanes.get(dy, at + c), Lanes.get(factor, c), Lanes.get(dx, at + c)));
        }
    }

    void rowNorms(Tensor x, Tensor out) {
        Shapes.matrix("rowNorms x", x);
        int columns = x.columns();
        Shapes.floats("rowNorms out", out, x.rows());
        team.rows(x.rows(), columns, (from, to) -> {
            for (long n = from; n < to; n++) {
                double squares = 0;
                for (int c = 0; c < columns; c++) {
                    double value = Lanes.get(x.data(), n * columns + c);
                    squares += value * value;
                }
                Lanes.set(out.data(), n, (float) Math.sqrt(squares));
            }
        });
    }
}
