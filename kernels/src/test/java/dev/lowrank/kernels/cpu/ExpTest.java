package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

class ExpTest {
    @Test
    void staysWithinAboutOneUnitInTheLastPlace() {
        double worst = 0;
        for (float x = -87.3f; x <= 88; x += 0.000913f) {
            double exact = Math.exp(x);
            worst = Math.max(worst, Math.abs(Exp.exp(x) - exact) / Math.ulp((float) exact));
        }
        assertThat(worst).isLessThan(1.2);
    }

    @Test
    void givesTheSameBitsInAVectorAndAlone() {
        float[] x = new float[Lanes.WIDTH];
        float[] e = new float[Lanes.WIDTH];
        for (int start = -100; start < 88; start++) {
            for (int i = 0; i < x.length; i++) {
                x[i] = start + i * 0.0517f;
            }
            Exp.exp(FloatVector.fromArray(Lanes.F, x, 0)).intoArray(e, 0);
            for (int i = 0; i < x.length; i++) {
                assertThat(e[i]).isEqualTo(Exp.exp(x[i]));
            }
        }
    }

    @Test
    void isZeroFarBelowAndPassesNaNOn() {
        for (float x : new float[] {-88, -1000, -1e30f, Float.NEGATIVE_INFINITY}) {
            assertThat(Exp.exp(x)).isZero();
            assertThat(Exp.exp(Lanes.all(x)).lane(0)).isZero();
        }
        for (int bits : new int[] {0x7FC00000, 0x7FC00001, 0xFFC001FF, 0x7F800123}) {
            float nan = Float.intBitsToFloat(bits);
            assertThat(Exp.exp(nan)).isNaN();
            assertThat(Exp.exp(Lanes.all(nan)).lane(0)).isNaN();
        }
        assertThat(Exp.exp(0f)).isEqualTo(1);
    }
}
