package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.kernels.ActivationReference;
import org.junit.jupiter.api.Test;

class GaussianTest {
    @Test
    void staysAsNearToTheNormalDistributionAsItSays() {
        double worst = 0;
        double worstInTail = 0;
        for (float z = -5; z <= 15; z += 0.000171f) {
            double error = phi(z) - ActivationReference.distribution(z);
            worst = Math.max(worst, Math.abs(error));
            worstInTail = z > 0 ? worstInTail : Math.max(worstInTail, Math.abs(error / phi(z)));
        }
        assertThat(worst).isLessThan(1.3e-7);
        assertThat(worstInTail).isLessThan(1e-6);
    }

    @Test
    void isAHalfInTheMiddleAndGoesToItsLimits() {
        assertThat(phi(0)).isEqualTo(0.5f);
        assertThat(phi(-0f)).isEqualTo(0.5f);
        assertThat(phi(-1e30f)).isZero();
        assertThat(phi(1e30f)).isOne();
        assertThat(phi(Float.NaN)).isNaN();
    }

    private static float phi(float z) {
        var all = Lanes.all(z);
        return Gaussian.distribution(all, Gaussian.bell(all)).lane(0);
    }
}
