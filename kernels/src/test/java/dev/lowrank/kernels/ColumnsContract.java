package dev.lowrank.kernels;

import static dev.lowrank.kernels.Numbers.assertClose;
import static dev.lowrank.kernels.Numbers.dot;
import static dev.lowrank.kernels.Numbers.doubles;
import static dev.lowrank.kernels.Numbers.gradient;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

/** What every implementation must do with the columns of matrices. */
public abstract class ColumnsContract extends KernelsFixture {
    private static final int[] ROWS = {0, 1, 13, 300};

    @Test
    void addsABiasToEveryRowAndSumsItsGradient() {
        for (int width : SIZES) {
            for (int rows : ROWS) {
                float[] values = reals(rows * width);
                float[] bias = random(width);
                Tensor x = stored(values).reshape(rows, width);
                kernels.addBias(x, tensor(bias));
                assertHolds("x", x, ColumnsReference.addBias(doubles(values), doubles(bias)), 1e-7);

                float[] old = random(width);
                Tensor dBias = tensor(old);
                kernels.columnSums(stored(values).reshape(rows, width), dBias);
                double[] sums = ColumnsReference.columnSums(doubles(values), width);
                assertHolds("dBias", dBias, plus(sums, old), sumOf(rows), Math.sqrt(rows));
            }
        }
    }

    @Test
    void biasGradientMatchesDifferences() {
        double[] x = doubles(random(4 * 3));
        double[] bias = doubles(random(3));
        double[] dy = doubles(random(4 * 3));
        assertClose(
                "dBias",
                ColumnsReference.columnSums(dy, 3),
                gradient(at -> dot(dy, ColumnsReference.addBias(x, at)), bias),
                1e-6);
    }

    @Test
    void scalesColumnsAndSumsTheGradientOfTheFactor() {
        for (int width : SIZES) {
            for (int rows : ROWS) {
                checkScaleColumns(rows, width);
            }
        }
    }

    private void checkScaleColumns(int rows, int width) {
        float[] values = reals(rows * width);
        float[] factors = random(width);
        float[] dy = reals(rows * width);
        float[] oldX = reals(rows * width);
        float[] oldFactor = random(width);
        Tensor x = stored(values).reshape(rows, width);
        Tensor factor = tensor(factors);
        Tensor out = nans(rows, width);
        kernels.scaleColumns(x, factor, out);
        assertHolds("out", out, ColumnsReference.scaleColumns(doubles(values), doubles(factors)), 1e-7);
        Tensor inPlace = stored(values).reshape(rows, width);
        kernels.scaleColumns(inPlace, factor, inPlace);
        assertThat(read(inPlace)).isEqualTo(read(out));

        Tensor dX = stored(oldX).reshape(rows, width);
        Tensor dFactor = tensor(oldFactor);
        kernels.scaleColumnsBackward(stored(dy).reshape(rows, width), x, factor, dX, dFactor);
        ColumnsReference.ScaledGradient expected =
                ColumnsReference.scaleColumnsBackward(doubles(dy), doubles(values), doubles(factors));
        assertHolds("dX", dX, plus(expected.dX(), oldX), EXACT);
        assertHolds("dFactor", dFactor, plus(expected.dFactor(), oldFactor), sumOf(rows), Math.sqrt(rows));
    }

    @Test
    void factorGradientsMatchDifferences() {
        double[] x = doubles(random(4 * 3));
        double[] factor = doubles(random(3));
        double[] dy = doubles(random(4 * 3));
        ColumnsReference.ScaledGradient analytic = ColumnsReference.scaleColumnsBackward(dy, x, factor);
        assertClose("dX", analytic.dX(), gradient(at -> dot(dy, ColumnsReference.scaleColumns(at, factor)), x), 1e-6);
        assertClose(
                "dFactor",
                analytic.dFactor(),
                gradient(at -> dot(dy, ColumnsReference.scaleColumns(x, at)), factor),
                1e-6);
    }

    @Test
    void scalingLeavesOutTheGradientNobodyWants() {
        Tensor x = stored(random(26)).reshape(2, 13);
        Tensor factor = tensor(random(13));
        Tensor dy = stored(random(26)).reshape(2, 13);
        Tensor[] both = {zeroActivations(2, 13), zeros(13)};
        Tensor[] single = {zeroActivations(2, 13), zeros(13)};
        kernels.scaleColumnsBackward(dy, x, factor, both[0], both[1]);
        kernels.scaleColumnsBackward(dy, x, factor, single[0], null);
        kernels.scaleColumnsBackward(dy, x, factor, null, single[1]);
        assertThat(read(single[0])).isEqualTo(read(both[0]));
        assertThat(read(single[1])).isEqualTo(read(both[1]));
    }

    @Test
    void takesTheNormOfEveryRowInDouble() {
        for (int width : SIZES) {
            for (int rows : ROWS) {
                float[] values = reals(rows * width);
                Tensor out = tensor(nans(rows));
                kernels.rowNorms(stored(values).reshape(rows, width), out);
                assertHolds("out", out, ColumnsReference.rowNorms(doubles(values), rows), 6e-8);
            }
        }
        Tensor out = memory.take(2);
        kernels.rowNorms(tensor(3e30f, -4e30f, 3e-30f, 4e-30f).reshape(2, 2), out);
        assertThat(read(out)).containsExactly(5e30f, 5e-30f);
    }

    @Test
    void copiesARangeOfColumnsAndLeavesTheOthers() {
        int[] widths = {1, 7, 65};
        for (int rows : ROWS) {
            for (int before : new int[] {0, 1, 13}) {
                for (int columns : widths) {
                    checkCopy(rows, before, columns, 5);
                }
            }
        }
        checkCopy(300, 64, 207, 0);
    }

    private void checkCopy(int rows, int before, int columns, int targetBefore) {
        int wide = before + columns + 3;
        int targetWide = targetBefore + columns + 2;
        float[] values = reals(rows * wide);
        float[] expected = reals(rows * targetWide);
        Tensor source = stored(values).reshape(rows, wide);
        Tensor target = stored(expected).reshape(rows, targetWide);
        kernels.copyColumns(source, before, target, targetBefore, columns);
        for (int n = 0; n < rows; n++) {
            System.arraycopy(values, n * wide + before, expected, n * targetWide + targetBefore, columns);
        }
        assertThat(read(target)).isEqualTo(expected);
        assertThat(read(source)).isEqualTo(values);
    }

    @Test
    void putsTheColumnsOfAFusedProjectionBackTogether() {
        float[] values = reals(13 * 30);
        Tensor fused = stored(values).reshape(13, 30);
        Tensor whole = nans(13, 30);
        int[] starts = {0, 16, 23, 30};
        for (int i = 0; i < 3; i++) {
            int width = starts[i + 1] - starts[i];
            Tensor part = nans(13, width);
            kernels.copyColumns(fused, starts[i], part, 0, width);
            kernels.copyColumns(part, 0, whole, starts[i], width);
        }
        assertThat(read(whole)).isEqualTo(values);
    }

    @Test
    void refusesShapesThatDoNotFit() {
        Tensor a = zeros(2, 3);
        Tensor b = zeros(4, 5);
        Tensor c = zeros(3);
        Tensor v = zeros(7);
        Tensor halfRow = memory.take(DType.BF16, 3);
        Runnable[] calls = {
            () -> kernels.addBias(a, halfRow),
            () -> kernels.columnSums(a, halfRow),
            () -> kernels.scaleColumns(a, halfRow, a),
            () -> kernels.scaleColumnsBackward(a, a, c, null, halfRow),
            () -> kernels.rowNorms(a, memory.take(DType.BF16, 2)),
            () -> kernels.addBias(a, v),
            () -> kernels.addBias(ints(1, 2), zeros(1)),
            () -> kernels.columnSums(a, v),
            () -> kernels.columnSums(a, ints(1, 2, 3)),
            () -> kernels.scaleColumns(a, v, a),
            () -> kernels.scaleColumns(a, c, b),
            () -> kernels.scaleColumnsBackward(b, a, c, null, null),
            () -> kernels.scaleColumnsBackward(a, a, v, null, null),
            () -> kernels.scaleColumnsBackward(a, a, c, b, null),
            () -> kernels.scaleColumnsBackward(a, a, c, null, v),
            () -> kernels.rowNorms(a, v),
            () -> kernels.copyColumns(a, 0, b, 0, 3),
            () -> kernels.copyColumns(a, 1, a, 0, 3),
            () -> kernels.copyColumns(a, 0, zeros(2, 5), 3, 3),
            () -> kernels.copyColumns(a, -1, a, 0, 1),
            () -> kernels.copyColumns(a, 0, a, -1, 1),
            () -> kernels.copyColumns(a, 0, a, 0, -1),
            () -> kernels.copyColumns(a, 2, a, 0, Integer.MAX_VALUE),
        };
        for (int i = 0; i < calls.length; i++) {
            Runnable call = calls[i];
            assertThatIllegalArgumentException().as("call %d", i).isThrownBy(call::run);
        }
    }
}
