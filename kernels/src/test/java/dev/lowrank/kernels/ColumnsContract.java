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
                float[] values = random(rows * width);
                float[] bias = random(width);
                Tensor x = tensor(values).reshape(rows, width);
                kernels.addBias(x, tensor(bias));
                assertClose("x", read(x), ColumnsReference.addBias(doubles(values), doubles(bias)), 1e-7);

                float[] old = random(width);
                Tensor dBias = tensor(old);
                kernels.columnSums(tensor(values).reshape(rows, width), dBias);
                double[] sums = ColumnsReference.columnSums(doubles(values), width);
                assertClose("dBias", read(dBias), plus(sums, old), sumOf(rows), Math.sqrt(rows));
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
        float[] values = random(rows * wide);
        float[] expected = random(rows * targetWide);
        Tensor source = tensor(values).reshape(rows, wide);
        Tensor target = tensor(expected).reshape(rows, targetWide);
        kernels.copyColumns(source, before, target, targetBefore, columns);
        for (int n = 0; n < rows; n++) {
            System.arraycopy(values, n * wide + before, expected, n * targetWide + targetBefore, columns);
        }
        assertThat(read(target)).isEqualTo(expected);
        assertThat(read(source)).isEqualTo(values);
    }

    @Test
    void putsTheColumnsOfAFusedProjectionBackTogether() {
        float[] values = random(13 * 30);
        Tensor fused = tensor(values).reshape(13, 30);
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
        Tensor v = zeros(7);
        Runnable[] calls = {
            () -> kernels.addBias(a, v),
            () -> kernels.addBias(ints(1, 2), zeros(1)),
            () -> kernels.columnSums(a, v),
            () -> kernels.columnSums(a, ints(1, 2, 3)),
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
