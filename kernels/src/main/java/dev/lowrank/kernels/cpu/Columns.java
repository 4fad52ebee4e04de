package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** Operations that treat the columns of a matrix each in its own way: biases, factors, and ranges of columns. */
final class Columns {
    private final Team team;

    Columns(Team team) {
        this.team = team;
    }

    void addBias(Tensor x, Tensor bias) {
        Shapes.realMatrix("addBias x", x);
        int columns = x.columns();
        Shapes.floats("addBias bias", bias, columns);
        Floats row = Floats.of(bias);
        Floats sum = Floats.of(x);
        team.rows(x.rows(), columns, (from, to) -> {
            for (long n = from; n < to; n++) {
                addRow(row, 0, sum, n * columns, 0, columns);
            }
        });
    }

    /** {@code y[n] = x[n] + bias} gives {@code dBias = sum over n of dy[n]}; no two threads touch the same column. */
    void sums(Tensor dy, Tensor dBias) {
        Shapes.realMatrix("columnSums dy", dy);
        int rows = dy.rows();
        int columns = dy.columns();
        Shapes.floats("columnSums dBias", dBias, columns);
        addRows(team, Floats.of(dy), rows, columns, Floats.of(dBias));
    }

    /** {@code sum[c] += x[0, c] + x[1, c] + …}, in this order. */
    static void addRows(Team team, Floats x, int rows, int columns, Floats sum) {
        team.columns(rows, columns, (from, to) -> {
            for (long n = 0; n < rows; n++) {
                addRow(x, n * columns, sum, 0, (int) from, (int) to);
            }
        });
    }

    void scale(Tensor x, Tensor factor, Tensor out) {
        Shapes.realMatrix("scaleColumns x", x);
        int columns = x.columns();
        Shapes.floats("scaleColumns factor", factor, columns);
        Shapes.realMatrix("scaleColumns out", out, x.rows(), columns);
        Floats in = Floats.of(x);
        Floats factors = Floats.of(factor);
        Floats product = Floats.of(out);
        team.rows(x.rows(), columns, (from, to) -> {
            for (long n = from; n < to; n++) {
                multiplyRow(in, factors, product, n * columns, columns);
            }
        });
    }

    /**
     * Derivation: {@code y = x f} column by column, so {@code dx = dy f} and, f being the same in every row,
     * {@code df = sum over n of dy x}.
     */
    void scaleBackward(Tensor dy, Tensor x, Tensor factor, @Nullable Tensor dX, @Nullable Tensor dFactor) {
        Shapes.realMatrix("scaleColumnsBackward x", x);
        int rows = x.rows();
        int columns = x.columns();
        Shapes.realMatrix("scaleColumnsBackward dy", dy, rows, columns);
        Shapes.floats("scaleColumnsBackward factor", factor, columns);
        if (dX != null) {
            Shapes.realMatrix("scaleColumnsBackward dX", dX, rows, columns);
        }
        Floats gradient = Floats.of(dy);
        if (dFactor != null) {
            Shapes.floats("scaleColumnsBackward dFactor", dFactor, columns);
            Floats in = Floats.of(x);
            Floats sum = Floats.of(dFactor);
            team.columns(rows, columns, (from, to) -> {
                for (long n = 0; n < rows; n++) {
                    addProduct(gradient, n * columns, in, n * columns, sum, 0, (int) from, (int) to);
                }
            });
        }
        if (dX != null) {
            Floats factors = Floats.of(factor);
            Floats sum = Floats.of(dX);
            team.rows(rows, columns, (from, to) -> {
                for (long n = from; n < to; n++) {
                    addProduct(gradient, n * columns, factors, 0, sum, n * columns, 0, columns);
                }
            });
        }
    }

    void copy(Tensor source, int sourceColumn, Tensor target, int targetColumn, int columns) {
        Shapes.realMatrix("copyColumns source", source);
        Shapes.realMatrix("copyColumns target", target, source.rows(), target.columns());
        inside("source", source, sourceColumn, columns);
        inside("target", target, targetColumn, columns);
        long sourceRow = source.columns();
        long targetRow = target.columns();
        Floats in = Floats.of(source);
        Floats out = Floats.of(target);
        team.rows(source.rows(), columns, (from, to) -> {
            for (long n = from; n < to; n++) {
                Floats.convert(in, n * sourceRow + sourceColumn, out, n * targetRow + targetColumn, columns);
            }
        });
    }

    private static void inside(String what, Tensor matrix, int first, int columns) {
        Shapes.require(
                first >= 0 && columns >= 0 && columns <= matrix.columns() - first,
                "copyColumns %s is %s, which has no %d columns from %d on.".formatted(what, matrix, columns, first));
    }

    /** {@code sum += row} in the columns {@code [from, to)}. */
    static void addRow(Floats row, long atRow, Floats sum, long atSum, int from, int to) {
        int whole = (int) Lanes.whole(from, to);
        for (int c = from; c < whole; c += Lanes.WIDTH) {
            sum.store(sum.load(atSum + c).add(row.load(atRow + c)), atSum + c);
        }
        for (int c = whole; c < to; c++) {
            sum.set(atSum + c, sum.get(atSum + c) + row.get(atRow + c));
        }
    }

    /** {@code out = x * factor} in one row. */
    private static void multiplyRow(Floats x, Floats factor, Floats out, long at, int columns) {
        int whole = Lanes.whole(columns);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            out.store(x.load(at + c).mul(factor.load(c)), at + c);
        }
        for (int c = whole; c < columns; c++) {
            out.set(at + c, x.get(at + c) * factor.get(c));
        }
    }

    /** {@code sum += a * b} in the columns {@code [from, to)}. */
    private static void addProduct(Floats a, long atA, Floats b, long atB, Floats sum, long atSum, int from, int to) {
        int whole = (int) Lanes.whole(from, to);
        for (int c = from; c < whole; c += Lanes.WIDTH) {
            FloatVector total = a.load(atA + c).fma(b.load(atB + c), sum.load(atSum + c));
            sum.store(total, atSum + c);
        }
        for (int c = whole; c < to; c++) {
            float total = Math.fma(a.get(atA + c), b.get(atB + c), sum.get(atSum + c));
            sum.set(atSum + c, total);
        }
    }
}
