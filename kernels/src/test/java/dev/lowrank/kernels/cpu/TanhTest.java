package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

class TanhTest {
    @Test
    void staysWithinAFewUnitsInTheLastPlaceNearZeroToo() {
        double worst = 0;
        for (float x = 1e-20f; x < 12; x *= 1.00037f) {
            for (float signed : new float[] {x, -x}) {
                double exact = Math.tanh(signed);
                worst = Math.max(worst, Math.abs(Tanh.tanh(signed) - exact) / Math.ulp((float) exact));
            }
        }
        assertThat(worst).isLessThan(4);
    }

    @Test
    void givesTheSameBitsInAVectorAndAlone() {
        float[] x = new float[Lanes.WIDTH];
        float[] t = new float[Lanes.WIDTH];
        for (int start = -220; start < 220; start++) {
            for (int i = 0; i < x.length; i++) {
                x[i] = start * 0.05f + i * 0.00517f;
            }
            Tanh.tanh(FloatVector.fromArray(Lanes.F, x, 0)).intoArray(t, 0);
            for (int i = 0; i < x.length; i++) {
                assertThat(t[i]).isEqualTo(Tanh.tanh(x[i]));
            }
        }
    }

    @Test
    void isOneFarAwayAndPassesNaNOn() {
        for (float x : new float[] {9.1f, 88, 1e30f, Float.POSITIVE_INFINITY}) {
            assertThat(Tanh.tanh(x)).isEqualTo(1);
            assertThat(Tanh.tanh(-x)).isEqualTo(-1);
            assertThat(Tanh.tanh(Lanes.all(-x)).lane(0)).isEqualTo(-1);
        }
        assertThat(Tanh.tanh(0f)).isEqualTo(0);
        assertThat(Tanh.tanh(Float.NaN)).isNaN();
        assertThat(Tanh.tanh(Lanes.all(Float.NaN)).lane(0)).isNaN();
    }
}
