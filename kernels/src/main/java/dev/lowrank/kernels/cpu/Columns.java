package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.shapes.ColumnShapes;
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
        ColumnShapes.addBias(x, bias);
        int columns = x.columns();
        team.rows(x.rows(), columns, (part, from, to) -> {
            Stretch data = Stretch.of(team, part, columns, x)[0];
            for (long n = from; n < to; n++) {
                long at = data.read(n * columns, columns);
                addRow(bias.data(), 0, data.memory(), at, columns);
                data.write(n * columns, columns);
            }
        });
    }

    /** {@code y[n] = x[n] + bias} gives {@code dBias = sum over n of dy[n]}; no two threads touch the same column. */
    void sums(Tensor dy, Tensor dBias) {
        ColumnShapes.columnSums(dy, dBias);
        addRows(team, dy, dBias);
    }

    /** {@code sum[c] += x[0, c] + x[1, c] + …}, in this order; sum is F32. */
    static void addRows(Team team, Tensor x, Tensor sum) {
        int rows = x.rows();
        int columns = x.columns();
        team.columns(rows, columns, (part, from, to) -> {
            int count = (int) (to - from);
            Stretch in = Stretch.of(team, part, count, x)[0];
            for (long n = 0; n < rows; n++) {
                addRow(in.memory(), in.read(n * columns + from, count), sum.data(), from, count);
            }
        });
    }

    void scale(Tensor x, Tensor factor, Tensor out) {
        ColumnShapes.scaleColumns(x, factor, out);
        int columns = x.columns();
        team.rows(x.rows(), columns, (part, from, to) -> {
            Stretch[] s = Stretch.of(team, part, columns, x, out);
            Stretch in = s[0];
            Stretch product = s[1];
            for (long n = from; n < to; n++) {
                long at = n * columns;
                multiplyRow(
                        in.memory(), in.read(at, columns), factor.data(), product.memory(), product.place(at), columns);
                product.write(at, columns);
            }
        });
    }

    /**
     * Derivation: {@code y = x f} column by column, so {@code dx = dy f} and, f being the same in every row,
     * {@code df = sum over n of dy x}.
     */
    void scaleBackward(Tensor dy, Tensor x, Tensor factor, @Nullable Tensor dX, @Nullable Tensor dFactor) {
        ColumnShapes.scaleColumnsBackward(dy, x, factor, dX, dFactor);
        int rows = x.rows();
        int columns = x.columns();
        if (dFactor != null) {
            team.columns(rows, columns, (part, from, to) -> {
                int count = (int) (to - from);
                Stretch[] s = Stretch.of(team, part, count, dy, x);
                Stretch d = s[0];
                Stretch in = s[1];
                for (long n = 0; n < rows; n++) {
                    long at = n * columns + from;
                    addProduct(
                            d.memory(),
                            d.read(at, count),
                            in.memory(),
                            in.read(at, count),
                            dFactor.data(),
                            from,
                            count);
                }
            });
        }
        if (dX != null) {
            team.rows(rows, columns, (part, from, to) -> {
                Stretch[] s = Stretch.of(team, part, columns, dy, dX);
                Stretch d = s[0];
                Stretch sum = s[1];
                for (long n = from; n < to; n++) {
                    long at = n * columns;
                    addProduct(
                            d.memory(),
                            d.read(at, columns),
                            factor.data(),
                            0,
                            sum.memory(),
                            sum.read(at, columns),
                            columns);
                    sum.write(at, columns);
                }
            });
        }
    }

    void copy(Tensor source, int sourceColumn, Tensor target, int targetColumn, int columns) {
        ColumnShapes.copyColumns(source, sourceColumn, target, targetColumn, columns);
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

    /** {@code sum += row} over {@code n} columns. */
    static void addRow(MemorySegment row, long atRow, MemorySegment sum, long atSum, int n) {
        int whole = Lanes.whole(n);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            Lanes.store(Lanes.load(sum, atSum + c).add(Lanes.load(row, atRow + c)), sum, atSum + c);
        }
        for (int c = whole; c < n; c++) {
            Lanes.set(sum, atSum + c, Lanes.get(sum, atSum + c) + Lanes.get(row, atRow + c));
        }
    }

    /** {@code out = x * factor} in one row. */
    private static void multiplyRow(
            MemorySegment x, long atX, MemorySegment factor, MemorySegment out, long at, int columns) {
        int whole = Lanes.whole(columns);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            Lanes.store(Lanes.load(x, atX + c).mul(Lanes.load(factor, c)), out, at + c);
        }
        for (int c = whole; c < columns; c++) {
            Lanes.set(out, at + c, Lanes.get(x, atX + c) * Lanes.get(factor, c));
        }
    }

    /** {@code sum += a * b} over {@code n} columns. */
    private static void addProduct(
            MemorySegment a, long atA, MemorySegment b, long atB, MemorySegment sum, long atSum, int n) {
        int whole = Lanes.whole(n);
        for (int c = 0; c < whole; c += Lanes.WIDTH) {
            FloatVector total = Lanes.load(a, atA + c).fma(Lanes.load(b, atB + c), Lanes.load(sum, atSum + c));
            Lanes.store(total, sum, atSum + c);
        }
        for (int c = whole; c < n; c++) {
            float total = Math.fma(Lanes.get(a, atA + c), Lanes.get(b, atB + c), Lanes.get(sum, atSum + c));
            Lanes.set(sum, atSum + c, total);
        }
    }
}
