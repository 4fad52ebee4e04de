package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class Bf16SoftmaxTest {
    @Test
    void logarithmsAreNearTheExactOnes() {
        for (double x = 0.5; x < 1e9; x *= 1.0007) {
            assertThat(Bf16Softmax.log(x)).as("log %s", x).isCloseTo(Math.log(x), within(1e-10));
        }
        assertThat(Bf16Softmax.log(1)).isZero();
        assertThat(Bf16Softmax.log(Double.NaN)).isNaN();
        assertThat(Bf16Softmax.log(Double.POSITIVE_INFINITY)).isInfinite();
    }
}
