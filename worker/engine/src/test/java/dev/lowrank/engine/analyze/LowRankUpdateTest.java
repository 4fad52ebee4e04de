package dev.lowrank.engine.analyze;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.engine.CounterRandom;
import org.assertj.core.data.Offset;
import org.assertj.core.data.Percentage;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.CommonOps_DDRM;
import org.ejml.dense.row.MatrixFeatures_DDRM;
import org.ejml.dense.row.SingularOps_DDRM;
import org.junit.jupiter.api.Test;

class LowRankUpdateTest {
    private static final Offset<Double> TINY = within(1e-9);

    static float[] random(int count, long key) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) CounterRandom.normal(key, i);
        }
        return values;
    }

    /** scale * B A, formed after all. */
    private static DMatrixRMaj formed(float[] a, float[] b, int rank, double scale) {
        int in = a.length / rank;
        int out = b.length / rank;
        DMatrixRMaj product = new DMatrixRMaj(out, in);
        for (int i = 0; i < out; i++) {
            for (int j = 0; j < in; j++) {
                double sum = 0;
                for (int k = 0; k < rank; k++) {
                    sum += (double) b[i * rank + k] * a[k * in + j];
                }
                product.set(i, j, scale * sum);
            }
        }
        return product;
    }

    @Test
    void decompositionOfTheFactorsIsThatOfTheirProduct() {
        for (int[] shape : new int[][] {{4, 30, 20}, {1, 7, 9}, {6, 6, 40}, {9, 5, 12}, {9, 12, 5}}) {
            int rank = shape[0];
            float[] a = random(rank * shape[2], 1);
            float[] b = random(shape[1] * rank, 2);
            LowRankUpdate update = LowRankUpdate.of(a, b, rank, 0.5);
            DMatrixRMaj product = formed(a, b, rank, 0.5);
            double[] wanted = SingularOps_DDRM.singularValues(product);
            double[] got = update.singularValues();
            assertThat(got).hasSize(Math.min(rank, Math.min(shape[1], shape[2])));
            for (int i = 0; i < got.length; i++) {
                assertThat(got[i]).isCloseTo(wanted[i], within(1e-9 * wanted[0]));
            }
            DMatrixRMaj core = new DMatrixRMaj(got.length, got.length);
            DMatrixRMaj left = new DMatrixRMaj(got.length, shape[2]);
            CommonOps_DDRM.multTransA(update.left(), product, left);
            CommonOps_DDRM.mult(left, update.right(), core);
            assertThat(MatrixFeatures_DDRM.isEquals(core, CommonOps_DDRM.diag(got), 1e-9 * wanted[0]))
                    .as("U' dW V is the diagonal of singular values")
                    .isTrue();
            assertThat(MatrixFeatures_DDRM.isOrthogonal(update.right(), 1e-9)).isTrue();
        }
    }

    @Test
    void rankOneCaseByHand() {
        LowRankUpdate update = LowRankUpdate.of(new float[] {3, 0, 4}, new float[] {0, 2}, 1, 0.5);
        assertThat(update.singularValues()).hasSize(1);
        assertThat(update.norm()).isCloseTo(5, TINY);
        assertThat(update.effectiveRank()).isCloseTo(1, TINY);
        assertThat(update.above(0.01)).isEqualTo(1);
        assertThat(update.covering(0.9)).isEqualTo(1);
        double sign = Math.signum(update.right().get(0, 0));
        assertThat(update.right().get(0, 0) * sign).isCloseTo(0.6, TINY);
        assertThat(update.right().get(2, 0) * sign).isCloseTo(0.8, TINY);
        assertThat(update.left().get(1, 0) * sign).isCloseTo(1, TINY);
    }

    @Test
    void ranksAreCountedAsTheyAreDefined() {
        float[] a = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
        float[] b = {100, 0, 0, 0, 0, 50, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0.5f};
        LowRankUpdate update = LowRankUpdate.of(a, b, 4, 1);
        assertThat(update.singularValues()).containsExactly(new double[] {100, 50, 2, 0.5}, within(1e-6));
        assertThat(update.above(0.01)).isEqualTo(3);
        assertThat(update.covering(0.7)).isEqualTo(1);
        assertThat(update.covering(0.9)).isEqualTo(2);
        assertThat(update.effectiveRank()).isBetween(2.0, 2.3);
        float[] even = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, -1};
        assertThat(LowRankUpdate.of(a, even, 4, 3).effectiveRank()).isCloseTo(4, TINY);
        assertThat(LowRankUpdate.of(a, even, 4, 3).covering(0.9)).isEqualTo(4);
    }

    @Test
    void scaleChangesNormsOnly() {
        float[] a = random(5 * 30, 3);
        float[] b = random(5 * 20, 4);
        LowRankUpdate one = LowRankUpdate.of(a, b, 5, 1);
        LowRankUpdate many = LowRankUpdate.of(a, b, 5, 1000);
        assertThat(many.norm()).isCloseTo(1000 * one.norm(), Percentage.withPercentage(1e-9));
        assertThat(many.effectiveRank()).isCloseTo(one.effectiveRank(), TINY);
        assertThat(many.covering(0.9)).isEqualTo(one.covering(0.9));
        double[][] phi = Subspaces.similarity(one.right(), many.right());
        for (int i = 0; i < 5; i++) {
            assertThat(phi[i][i]).isCloseTo(1, TINY);
        }
    }

    @Test
    void updateThatAddsNothingHasNoDirections() {
        LowRankUpdate nothing = LowRankUpdate.of(random(2 * 5, 1), new float[2 * 4], 2, 1);
        assertThat(nothing.singularValues()).isEmpty();
        assertThat(nothing.norm()).isZero();
        assertThat(nothing.effectiveRank()).isZero();
        assertThat(nothing.covering(0.9)).isZero();
        assertThat(nothing.above(0.01)).isZero();
        assertThat(Amplification.of(nothing, new BaseWeight(random(20, 1), 4, 5, false), 1))
                .isNull();
    }

    @Test
    void directionsThatAreOnlyRoundingAreLeftOut() {
        float[] a = {1, 2, 3, 1, 2, 3};
        LowRankUpdate twice = LowRankUpdate.of(a, random(8, 5), 2, 1);
        assertThat(twice.singularValues()).hasSize(1);
        assertThat(twice.right().numCols).isEqualTo(1);
    }
}
