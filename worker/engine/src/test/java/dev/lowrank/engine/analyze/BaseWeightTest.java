package dev.lowrank.engine.analyze;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.assertj.core.data.Percentage;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.MatrixFeatures_DDRM;
import org.ejml.dense.row.SingularOps_DDRM;
import org.junit.jupiter.api.Test;

class BaseWeightTest {
    private static final int OUT = 300;
    private static final int IN = 40;

    private static DMatrixRMaj matrix(float[] values, int rows, int columns) {
        DMatrixRMaj matrix = new DMatrixRMaj(rows, columns);
        for (int i = 0; i < values.length; i++) {
            matrix.data[i] = values[i];
        }
        return matrix;
    }

    private static float[] transposed(float[] values, int rows, int columns) {
        float[] other = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            other[i % columns * rows + i / columns] = values[i];
        }
        return other;
    }

    @Test
    void productsAreThoseOfTheMatrixHoweverItIsStored() {
        float[] values = LowRankUpdateTest.random(OUT * IN, 1);
        DMatrixRMaj w = matrix(values, OUT, IN);
        DMatrixRMaj x = Subspaces.random(IN, 3, 2);
        DMatrixRMaj y = Subspaces.random(OUT, 3, 3);
        DMatrixRMaj wx = new DMatrixRMaj(OUT, 3);
        DMatrixRMaj wty = new DMatrixRMaj(IN, 3);
        CommonOps_DDRM.mult(w, x, wx);
        CommonOps_DDRM.multTransA(w, y, wty);
        for (BaseWeight weight : new BaseWeight[] {
            new BaseWeight(values, OUT, IN, false), new BaseWeight(transposed(values, OUT, IN), OUT, IN, true)
        }) {
            assertThat(MatrixFeatures_DDRM.isEquals(weight.times(x, false), wx, 1e-9))
                    .isTrue();
            assertThat(MatrixFeatures_DDRM.isEquals(weight.times(y, true), wty, 1e-9))
                    .isTrue();
        }
    }

    @Test
    void largestDirectionsAreThoseOfTheFullDecomposition() {
        float[] values = LowRankUpdateTest.random(OUT * IN, 4);
        for (int i = 0; i < values.length; i++) {
            values[i] *= (float) Math.pow(0.8, i % IN);
        }
        double[] all = SingularOps_DDRM.singularValues(matrix(values, OUT, IN));
        for (int n : new int[] {1, 4, 16, IN}) {
            double sum = 0;
            for (int i = 0; i < n; i++) {
                sum += all[i] * all[i];
            }
            assertThat(new BaseWeight(values, OUT, IN, false).largest(n, 5))
                    .isCloseTo(Math.sqrt(sum), Percentage.withPercentage(0.1))
                    .isLessThanOrEqualTo(Math.sqrt(sum) * (1 + 1e-12));
        }
    }

    @Test
    void amplificationByHand() {
        // W = diag(4, 2, 1); the update adds 3 to the second entry, so it finds 2 there and amplifies it by 1.5.
        BaseWeight weight = new BaseWeight(new float[] {4, 0, 0, 0, 2, 0, 0, 0, 1}, 3, 3, false);
        LowRankUpdate update = LowRankUpdate.of(new float[] {0, 1, 0}, new float[] {0, 3, 0}, 1, 1);
        Amplification found = Amplification.of(update, weight, 7);
        assertThat(found).isNotNull();
        assertThat(found.weight()).isCloseTo(Math.sqrt(21), within(1e-9));
        assertThat(found.inUpdate()).isCloseTo(2, within(1e-9));
        assertThat(found.inOwn()).isCloseTo(4, within(1e-4));
        assertThat(found.inRandom()).isBetween(0.0, 4.0);
        assertThat(found.factor()).isCloseTo(1.5, within(1e-9));
        LowRankUpdate sideways = LowRankUpdate.of(new float[] {0, 1, 0}, new float[] {3, 0, 0}, 1, 1);
        Amplification nothing = Amplification.of(sideways, weight, 7);
        assertThat(nothing).isNotNull();
        assertThat(nothing.factor()).isNull();
    }

    @Test
    void factorGrowsWithTheUpdateAndShrinksWithTheWeight() {
        float[] values = LowRankUpdateTest.random(OUT * IN, 6);
        float[] doubled = values.clone();
        for (int i = 0; i < doubled.length; i++) {
            doubled[i] *= 2;
        }
        float[] a = LowRankUpdateTest.random(4 * IN, 7);
        float[] b = LowRankUpdateTest.random(4 * OUT, 8);
        double one = factor(values, a, b, 1);
        assertThat(factor(values, a, b, 5)).isCloseTo(5 * one, Percentage.withPercentage(1e-6));
        assertThat(factor(doubled, a, b, 1)).isCloseTo(one / 2, Percentage.withPercentage(1e-6));
    }

    private static double factor(float[] weight, float[] a, float[] b, double scale) {
        Amplification found =
                Amplification.of(LowRankUpdate.of(a, b, 4, scale), new BaseWeight(weight, OUT, IN, false), 9);
        assertThat(found).isNotNull();
        assertThat(found.factor()).isNotNull();
        return found.factor();
    }

    @Test
    void randomDirectionsFindTheirShareOfARandomWeight() {
        BaseWeight weight = new BaseWeight(LowRankUpdateTest.random(200 * 200, 10), 200, 200, false);
        double sum = 0;
        for (int trial = 0; trial < 10; trial++) {
            sum += weight.normBetween(Subspaces.random(200, 8, trial), Subspaces.random(200, 8, 50 + trial)) / 10;
        }
        assertThat(sum).as("n of unit entries in n by n").isCloseTo(8, Percentage.withPercentage(10));
    }
}
