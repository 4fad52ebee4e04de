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
        float[] x = reals(rows * width);
        float[] weight = random(width);
        float[] dy = reals(rows * width);
        float[] oldX = reals(rows * width);
        float[] oldWeight = random(width);
        Tensor y = nans(rows, width);
        Tensor rstd = memory.take(rows);
        kernels.rmsNorm(stored(x).reshape(rows, width), tensor(weight), offset, 1e-5f, y, rstd);
        NormReference.Normed normed = NormReference.rmsNorm(doubles(x), doubles(weight), offset, 1e-5f);
        assertHolds("y", y, normed.y(), EXACT);
        assertHolds("rstd", rstd, normed.rstd(), EXACT);

        Tensor dx = stored(oldX).reshape(rows, width);
        Tensor dWeight = tensor(oldWeight);
        kernels.rmsNormBackward(
                stored(dy).reshape(rows, width),
                stored(x).reshape(rows, width),
                tensor(weight),
                offset,
                rstd,
                dx,
                dWeight);
        NormReference.NormGradient expected =
                NormReference.rmsNormBackward(doubles(dy), doubles(x), doubles(weight), offset, normed.rstd());
        assertHolds("dx", dx, plus(expected.dx(), oldX), sumOf(width), largest(normed.rstd()));
        assertHolds("dWeight", dWeight, plus(expected.dWeight(), oldWeight), sumOf(rows), Math.sqrt(rows));
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
        Tensor x = stored(random(26)).reshape(2, 13);
        Tensor weight = tensor(random(13));
        Tensor dy = stored(random(26)).reshape(2, 13);
        Tensor rstd = memory.take(2);
        kernels.rmsNorm(x, weight, 1, 1e-5f, memory.take(activations(), 2, 13), rstd);
        Tensor[] both = {zeroActivations(2, 13), zeros(13)};
        Tensor[] single = {zeroActivations(2, 13), zeros(13)};
        kernels.rmsNormBackward(dy, x, weight, 1, rstd, both[0], both[1]);
        kernels.rmsNormBackward(dy, x, weight, 1, rstd, single[0], null);
        kernels.rmsNormBackward(dy, x, weight, 1, rstd, null, single[1]);
        assertThat(read(single[0])).isEqualTo(read(both[0]));
        assertThat(read(single[1])).isEqualTo(read(both[1]));
    }

    @Test
    void normalisesRowsByTheirMeanAndVariance() {
        for (int rows : ROWS) {
            for (int width : SIZES) {
                checkLayerNorm(rows, width, 0);
            }
            checkLayerNorm(rows, 65, 100);
            checkLayerNorm(rows, 207, -100);
        }
    }

    private void checkLayerNorm(int rows, int width, float shift) {
        float[] x = reals(rows * width);
        for (int i = 0; i < x.length; i++) {
            x[i] += shift;
        }
        held(x);
        float[] weight = random(width);
        float[] bias = random(width);
        float[] dy = reals(rows * width);
        float[] oldX = reals(rows * width);
        float[] oldWeight = random(width);
        float[] oldBias = random(width);
        Tensor tx = stored(x).reshape(rows, width);
        Tensor y = nans(rows, width);
        Tensor mean = memory.take(rows);
        Tensor rstd = memory.take(rows);
        kernels.layerNorm(tx, tensor(weight), tensor(bias), 1e-2f, y, mean, rstd);
        NormReference.Layered normed = NormReference.layerNorm(doubles(x), doubles(weight), doubles(bias), 1e-2f);
        // What a mean of 100 costs: its last place is 7.6e-6 of a standard deviation.
        double coarse = 1 + Math.abs(shift) / 4;
        assertHolds("y", y, normed.y(), 3 * coarse * EXACT);
        assertHolds("mean", mean, normed.mean(), EXACT);
        assertHolds("rstd", rstd, normed.rstd(), coarse * EXACT);

        Tensor dx = stored(oldX).reshape(rows, width);
        Tensor dWeight = tensor(oldWeight);
        Tensor dBias = tensor(oldBias);
        Tensor tdy = stored(dy).reshape(rows, width);
        kernels.layerNormBackward(tdy, tx, tensor(weight), mean, rstd, dx, dWeight, dBias);
        NormReference.LayerGradient expected =
                NormReference.layerNormBackward(doubles(dy), doubles(x), doubles(weight), normed.mean(), normed.rstd());
        assertHolds("dx", dx, plus(expected.dx(), oldX), coarse * sumOf(width), largest(normed.rstd()));
        assertHolds("dWeight", dWeight, plus(expected.dWeight(), oldWeight), coarse * sumOf(rows), Math.sqrt(rows));
        assertHolds("dBias", dBias, plus(expected.dBias(), oldBias), sumOf(rows), Math.sqrt(rows));
    }

    @Test
    void meanAndVarianceGradientsMatchDifferences() {
        double[] x = doubles(random(3 * 5));
        double[] weight = doubles(random(5));
        double[] bias = doubles(random(5));
        double[] dy = doubles(random(3 * 5));
        NormReference.Layered normed = NormReference.layerNorm(x, weight, bias, 0.01);
        NormReference.LayerGradient analytic =
                NormReference.layerNormBackward(dy, x, weight, normed.mean(), normed.rstd());
        assertClose(
                "dx",
                analytic.dx(),
                gradient(
                        at -> dot(
                                dy,
                                NormReference.layerNorm(at, weight, bias, 0.01).y()),
                        x),
                1e-6);
        assertClose(
                "dWeight",
                analytic.dWeight(),
                gradient(
                        at -> dot(dy, NormReference.layerNorm(x, at, bias, 0.01).y()), weight),
                1e-6);
        assertClose(
                "dBias",
                analytic.dBias(),
                gradient(
                        at -> dot(
                                dy, NormReference.layerNorm(x, weight, at, 0.01).y()),
                        bias),
                1e-6);
    }

    @Test
    void meanAndVarianceLeaveOutTheGradientsNobodyWants() {
        Tensor x = stored(random(26)).reshape(2, 13);
        Tensor weight = tensor(random(13));
        Tensor dy = stored(random(26)).reshape(2, 13);
        Tensor mean = memory.take(2);
        Tensor rstd = memory.take(2);
        kernels.layerNorm(x, weight, weight, 1e-5f, memory.take(activations(), 2, 13), mean, rstd);
        Tensor[] all = {zeroActivations(2, 13), zeros(13), zeros(13)};
        Tensor[] single = {zeroActivations(2, 13), zeros(13), zeros(13)};
        kernels.layerNormBackward(dy, x, weight, mean, rstd, all[0], all[1], all[2]);
        kernels.layerNormBackward(dy, x, weight, mean, rstd, single[0], null, null);
        kernels.layerNormBackward(dy, x, weight, mean, rstd, null, single[1], null);
        kernels.layerNormBackward(dy, x, weight, mean, rstd, null, null, single[2]);
        for (int i = 0; i < 3; i++) {
            assertThat(read(single[i])).isEqualTo(read(all[i]));
        }
    }

    @Test
    void refusesShapesThatDoNotFit() {
        Tensor a = zeros(2, 3);
        Tensor b = zeros(4, 5);
        Tensor c = zeros(3);
        Tensor v = zeros(7);
        Tensor two = zeros(2);
        Tensor half = memory.take(DType.BF16, 3);
        Tensor halfTwo = memory.take(DType.BF16, 2);
        Runnable[] calls = {
            () -> kernels.rmsNorm(a, half, 0, 1e-5f, a, two),
            () -> kernels.rmsNorm(a, c, 0, 1e-5f, a, halfTwo),
            () -> kernels.rmsNormBackward(a, a, half, 0, two, a, null),
            () -> kernels.rmsNormBackward(a, a, c, 0, two, null, half),
            () -> kernels.layerNorm(a, half, c, 1e-5f, a, two, two),
            () -> kernels.layerNorm(a, c, half, 1e-5f, a, two, two),
            () -> kernels.layerNorm(a, c, c, 1e-5f, a, halfTwo, two),
            () -> kernels.layerNormBackward(a, a, c, two, two, null, half, null),
            () -> kernels.layerNormBackward(a, a, c, two, two, null, null, half),
            () -> kernels.rmsNorm(a, v, 0, 1e-5f, a, two),
            () -> kernels.rmsNorm(a, c, 0, 1e-5f, b, two),
            () -> kernels.rmsNorm(a, c, 0, 1e-5f, a, v),
            () -> kernels.rmsNormBackward(b, a, c, 0, two, a, null),
            () -> kernels.rmsNormBackward(a, a, c, 0, two, b, null),
            () -> kernels.rmsNormBackward(a, a, c, 0, two, null, v),
            () -> kernels.layerNorm(a, v, c, 1e-5f, a, two, two),
            () -> kernels.layerNorm(a, c, v, 1e-5f, a, two, two),
            () -> kernels.layerNorm(a, c, c, 1e-5f, b, two, two),
            () -> kernels.layerNorm(a, c, c, 1e-5f, a, v, two),
            () -> kernels.layerNorm(a, c, c, 1e-5f, a, two, v),
            () -> kernels.layerNormBackward(b, a, c, two, two, a, null, null),
            () -> kernels.layerNormBackward(a, a, v, two, two, a, null, null),
            () -> kernels.layerNormBackward(a, a, c, v, two, a, null, null),
            () -> kernels.layerNormBackward(a, a, c, two, v, a, null, null),
            () -> kernels.layerNormBackward(a, a, c, two, two, b, null, null),
            () -> kernels.layerNormBackward(a, a, c, two, two, null, v, null),
            () -> kernels.layerNormBackward(a, a, c, two, two, null, null, v),
        };
        for (int i = 0; i < calls.length; i++) {
            Runnable call = calls[i];
            assertThatIllegalArgumentException().as("call %d", i).isThrownBy(call::run);
        }
    }
}
