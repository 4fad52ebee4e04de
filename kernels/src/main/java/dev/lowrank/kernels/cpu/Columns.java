package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/** Operations that treat the columns of a matrix each in its own way: biases, factors, and ranges of columns. */
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
                addRow(bias.data(), 0, x.data(), n * columns, 0, columns);
            }
        });
    }

    /** {@code y[n] = x[n] + bias} gives {@code dBias = sum over n of dy[n]}; no two threads touch the same column. */
    void sums(Tensor dy, Tensor dBias) {
        Shapes.matrix("columnSums dy", dy);
        int rows = dy.rows();
        int columns = dy.columns();
        Shapes.floats("columnSums dBias", dBias, columns);
        addRows(team, dy.data(), rows, columns, dBias.data());
    }

    /** {@code sum[c] += x[0, c] + x[1, c] + …}, in this order. */
    static void addRows(Team team, MemorySegment x, int rows, int columns, MemorySegment sum) {
        team.columns(rows, columns, (from, to) -> {
            for (long n = 0; n < rows; n++) {
                addRow(x, n * columns, sum, 0, (int) from, (int) to);
            }
        });
    }

    void scale(Tensor x, Tensor factor, Tensor out) {
        Shapes.matrix("scaleColumns x", x);
        int columns = x.columns();
        Shapes.floats("scaleColumns factor", factor, columns);
        Shapes.matrix("scaleColumns out", out, x.rows(), columns);
        team.rows(x.rows(), columns, (from, to) -> {
            for (long n = from; n < to; n++) {
                multiplyRow(x.data(), factor.data(), out.data(), n * columns, columns);
            }
        });
    }

    /**
     * Derivation: {@code y = x f} column by column, so {@code dx = dy f} and, f being the same in every row,
     * {@code df = sum over n of dy x}.
     */
    void scaleBackward(Tensor dy, Tensor x, Tensor factor, @Nullable Tensor dX, @Nullable Tensor dFactor) {
        Shapes.matrix("scaleColumnsBackward x", x);
        int rows = x.rows();
        int columns = x.columns();
        Shapes.matrix("scaleColumnsBackward dy", dy, rows, columns);
        Shapes.floats("scaleColumnsBackward factor", factor, columns);
        if (dX != null) {
            Shapes.matrix("scaleColumnsBackward dX", dX, rows, columns);
        }
        if (dFactor != null) {
            Shapes.floats("scaleColumnsBackward dFactor", dFactor, columns);
            MemorySegment sum = dFactor.data();
            team.columns(rows, columns, (from, to) -> {
                for (long n = 0; n < rows; n++) {
                    addProduct(dy.data(), n * columns, x.data(), n * columns, sum, 0, (int) from, (int) to);
                }
            });
        }
        if (dX != null) {
            MemorySegment sum = dX.data();
            team.rows(rows, columns, (from, to) -> {
                for (long n = from; n < to; n++) {
                    addProduct(dy.data(), n * columns, factor.data(), 0, sum, n * columns, 0, columns);
                }
            });
        }
    }

    void copy(Tensor source, int sourceColumn, Tensor target, int targetColumn, int columns) {
        Shapes.matrix("copyColumns source", source);
        Shapes.matrix("copyColumns target", target, source.rows(), target.columns());
        inside("source", source, sourceColumn, columns);
        inside("target", target, targetColumn, columns);
        long sourceRow = (long) source.columns() * Float.BYTES;
        long targetRow = (long) target.columns() * Float.BYTES;
        long sourceStart = (long) sourceColumn * Float.BYTES;
        long targetStart = (long) targetColumn * Float.BYTES;
        long bytes = (long) columns * Float.BYTES;
        MemorySegment in = source.data();
        MemorySegment out = target.data();
        team.rows(source.rows(), columns, (from, to) -> {
            for (long n = from; n < to; n++) {
                MemorySegment.copy(in, n * sourceRow + sourceStart, out, n * targetRow + targetStart, bytes);
            }
        });
    }

    private static void inside(String what, Tensor matrix, int first, int columns) {
        Shapes.require(
                first >= 0 && columns >= 0 && columns <= matrix.columns() - first,
                "copyColumns %s is %s, which has no %d columns from %d on.".formatted(what, matrix, columns, first));
    }

    /** {@code sum += row} in the columns {@code [from, to)}. */
    private static void addRow(MemorySegment row, long atRow, MemorySegment sum, long atSum, int from, int to) {
        int whole = (int) Lanes.whole(from, to);
        for (int c = from; c < whole; c += Lanes.WIDTH) {
            Lanes.store(Lanes.load(sum, atSum + c).add(Lanes.load(row, atRow + c)), sum, atSum + c);
        }
        for (int c = whole; c < to; c++) {
            Lanes.set(sum, atSum + c, Lanes.get(sum, atSum + c) + Lanes.get(row, atRow + c));
        }
    }

    /** {@code out = x * factor} in one row. */
    private static void multiplyRow(MemorySegment x, MemorySegment factor, MemorySegment out, long at, int columns) {
        int whole = Lanes.whole(columns);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            Lanes.store(Lanes.load(x, at + c).mul(Lanes.load(factor, c)), out, at + c);
        }
        for (int c = whole; c < columns; c++) {
            Lanes.set(out, at + c, Lanes.get(x, at + c) * Lanes.get(factor, c));
        }
    }

    /** {@code sum += a * b} in the columns {@code [from, to)}. */
    private static void addProduct(
            MemorySegment a, long atA, MemorySegment b, long atB, MemorySegment sum, long atSum, int from, int to) {
        int whole = (int) Lanes.whole(from, to);
        for (int c = from; c < whole; c += Lanes.WIDTH) {
            FloatVector total = Lanes.load(a, atA + c).fma(Lanes.load(b, atB + c), Lanes.load(sum, atSum + c));
            Lanes.store(total, sum, atSum + c);
        }
        for (int c = whole; c < to; c++) {
            float total = Math.fma(Lanes.get(a, atA + c), Lanes.get(b, atB + c), Lanes.get(sum, atSum + c));
            Lanes.set(sum, atSum + c, total);
        }
    }
}
