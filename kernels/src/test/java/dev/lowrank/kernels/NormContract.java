package dev.lowrank.kernels;

import static dev.lowrank.kernels.Numbers.assertClose;
import static dev.lowrank.kernels.Numbers.dot;
import static dev.lowrank.kernels.Numbers.doubles;
import static dev.lowrank.kernels.Numbers.gradient;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** What every implementation must do to normalise rows. */
public abstract class NormContract extends KernelsFixture {
    private static final int[] ROWS = {0, 1, 13, 300};

    @Test
    void normalisesRowsByTheirRootMeanSquare() {
        for (int width : SIZES) {
            for (int rows : ROWS) {
                checkRmsNorm(rows, width, 0);
                checkRmsNorm(rows, width, 1);
            }
        }
    }

    private void checkRmsNorm(int rows, int width, float offset) {
        float[] x = random(rows * width);
        float[] weight = random(width);
        float[] dy = random(rows * width);
        float[] oldX = random(rows * width);
        float[] oldWeight = random(width);
        Tensor y = nans(rows, width);
        Tensor rstd = memory.take(rows);
        kernels.rmsNorm(tensor(x).reshape(rows, width), tensor(weight), offset, 1e-5f, y, rstd);
        NormReference.Normed normed = NormReference.rmsNorm(doubles(x), doubles(weight), offset, 1e-5f);
        assertClose("y", read(y), normed.y(), EXACT);
        assertClose("rstd", read(rstd), normed.rstd(), EXACT);

        Tensor dx = tensor(oldX).reshape(rows, width);
        Tensor dWeight = tensor(oldWeight);
        kernels.rmsNormBackward(
                tensor(dy).reshape(rows, width),
                tensor(x).reshape(rows, width),
                tensor(weight),
                offset,
                rstd,
                dx,
                dWeight);
        NormReference.NormGradient expected =
                NormReference.rmsNormBackward(doubles(dy), doubles(x), doubles(weight), offset, normed.rstd());
        assertClose("dx", read(dx), plus(expected.dx(), oldX), sumOf(width), largest(normed.rstd()));
        assertClose("dWeight", read(dWeight), plus(expected.dWeight(), oldWeight), sumOf(rows), Math.sqrt(rows));
    }

    /** The factor of the terms that cancel in the gradient of a narrow row. */
    private static double largest(double[] rstd) {
        return Arrays.stream(rstd).max().orElse(1);
    }

    @Test
    void rootMeanSquareGradientsMatchDifferences() {
        double[] x = doubles(random(3 * 5));
        double[] weight = doubles(random(5));
        double[] dy = doubles(random(3 * 5));
        for (double offset : new double[] {0, 1}) {
            double[] rstd = NormReference.rmsNorm(x, weight, offset, 0.01).rstd();
            NormReference.NormGradient analytic = NormReference.rmsNormBackward(dy, x, weight, offset, rstd);
            assertClose(
                    "dx",
                    analytic.dx(),
                    gradient(
                            at -> dot(
                                    dy,
                                    NormReference.rmsNorm(at, weight, offset, 0.01)
                                            .y()),
                            x),
                    1e-6);
            assertClose(
                    "dWeight",
                    analytic.dWeight(),
                    gradient(
                            at -> dot(
                                    dy,
                                    NormReference.rmsNorm(x, at, offset, 0.01).y()),
                            weight),
                    1e-6);
        }
    }

    @Test
    void rootMeanSquareLeavesOutTheGradientNobodyWants() {
        Tensor x = tensor(random(26)).reshape(2, 13);
        Tensor weight = tensor(random(13));
        Tensor dy = tensor(random(26)).reshape(2, 13);
        Tensor rstd = memory.take(2);
        kernels.rmsNorm(x, weight, 1, 1e-5f, memory.take(2, 13), rstd);
        Tensor[] both = {zeros(2, 13), zeros(13)};
        Tensor[] single = {zeros(2, 13), zeros(13)};
        kernels.rmsNormBackward(dy, x, weight, 1, rstd, both[0], both[1]);
        kernels.rmsNormBackward(dy, x, weight, 1, rstd, single[0], null);
        kernels.rmsNormBackward(dy, x, weight, 1, rstd, null, single[1]);
        assertThat(read(single[0])).isEqualTo(read(both[0]));
        assertThat(read(single[1])).isEqualTo(read(both[1]));
    }

    @Test
    void refusesShapesThatDoNotFit() {
        Tensor a = zeros(2, 3);
        Tensor b = zeros(4, 5);
        Tensor v = zeros(7);
        Runnable[] calls = {
            () -> kernels.rmsNorm(a, v, 0, 1e-5f, a, zeros(2)),
            () -> kernels.rmsNorm(a, zeros(3), 0, 1e-5f, b, zeros(2)),
            () -> kernels.rmsNorm(a, zeros(3), 0, 1e-5f, a, v),
            () -> kernels.rmsNormBackward(b, a, zeros(3), 0, zeros(2), a, null),
            () -> kernels.rmsNormBackward(a, a, zeros(3), 0, zeros(2), b, null),
            () -> kernels.rmsNormBackward(a, a, zeros(3), 0, zeros(2), null, v),
        };
        for (int i = 0; i < calls.length; i++) {
            Runnable call = calls[i];
            assertThatIllegalArgumentException().as("call %d", i).isThrownBy(call::run);
        }
    }
}
