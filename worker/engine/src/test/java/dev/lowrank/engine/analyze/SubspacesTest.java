package dev.lowrank.engine.analyze;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.assertj.core.data.Percentage;
import org.ejml.data.DMatrixRMaj;
import org.ejml.dense.row.MatrixFeatures_DDRM;
import org.junit.jupiter.api.Test;

class SubspacesTest {
    @Test
    void randomDirectionsHaveAboutTheirShareInCommon() {
        int d = 512;
        double sum = 0;
        for (int trial = 0; trial < 8; trial++) {
            DMatrixRMaj one = Subspaces.random(d, 32, 100 + trial);
            DMatrixRMaj other = Subspaces.random(d, 64, 200 + trial);
            assertThat(MatrixFeatures_DDRM.isOrthogonal(one, 1e-9)).isTrue();
            sum += Subspaces.similarity(one, other)[31][63] / 8;
        }
        assertThat(sum).as("r / d").isCloseTo(64.0 / d, Percentage.withPercentage(5));
    }

    @Test
    void sameDirectionsGiveOneAndOrthogonalOnesNone() {
        DMatrixRMaj all = Subspaces.random(40, 6, 1);
        double[][] same = Subspaces.similarity(all, all);
        for (int i = 0; i < 6; i++) {
            for (int j = 0; j < 6; j++) {
                assertThat(same[i][j])
                        .as("the smaller of the two lies in the larger")
                        .isCloseTo(1, within(1e-9));
            }
        }
        DMatrixRMaj first = new DMatrixRMaj(3, 1, true, 1, 0, 0);
        DMatrixRMaj second = new DMatrixRMaj(3, 1, true, 0, 1, 0);
        DMatrixRMaj between = new DMatrixRMaj(3, 1, true, 0.6, 0.8, 0);
        assertThat(Subspaces.similarity(first, second)[0][0]).isZero();
        assertThat(Subspaces.similarity(first, between)[0][0]).isCloseTo(0.36, within(1e-12));
    }

    @Test
    void orderOfDirectionsMattersOnlyForTheLeadingOnes() {
        DMatrixRMaj forward = new DMatrixRMaj(3, 2, true, 1, 0, 0, 1, 0, 0);
        DMatrixRMaj swapped = new DMatrixRMaj(3, 2, true, 0, 1, 1, 0, 0, 0);
        double[][] phi = Subspaces.similarity(forward, swapped);
        assertThat(phi[0][0]).isZero();
        assertThat(phi[0][1]).isEqualTo(1);
        assertThat(phi[1][0]).isEqualTo(1);
        assertThat(phi[1][1]).isEqualTo(1);
    }
}
