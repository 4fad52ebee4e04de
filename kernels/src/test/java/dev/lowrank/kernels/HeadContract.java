package dev.lowrank.kernels;

import static dev.lowrank.kernels.Numbers.assertClose;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;

/** The end of a model: capped logits, and the projection with cross-entropy. */
public abstract class HeadContract extends KernelsFixture {
    @Test
    void capsInPlace() {
        for (int size : new int[] {1, 2, 7, 13, 64, 65, 207, 40_001}) {
            for (float cap : new float[] {0.5f, 30}) {
                float[] values = random(size);
                for (int i = 0; i < size; i++) {
                    values[i] *= 20;
                }
                Tensor x = tensor(values);
                kernels.softCap(x, cap);
                double[] expected = new double[size];
                for (int i = 0; i < size; i++) {
                    expected[i] = Reference.softCap(values[i], cap);
                }
                assertClose("capped at " + cap, read(x), expected, EXACT);
            }
        }
    }

    @Test
    void capsWhatIsTooLargeAndLeavesWhatIsSmall() {
        Tensor x = tensor(Float.POSITIVE_INFINITY, -1e30f, 0, 1e-20f, -1e-5f, Float.NaN);
        kernels.softCap(x, 30);
        float[] capped = read(x);
        assertThat(capped[0]).isEqualTo(30);
        assertThat(capped[1]).isEqualTo(-30);
        assertThat(capped[2]).isZero();
        assertClose("small", new float[] {capped[3] * 1e20f, capped[4] * 1e5f}, new double[] {1, -1}, 1e-6);
        assertThat(capped[5]).isNaN();
    }

    @Test
    void refusesACapThatIsNone() {
        Tensor x = zeros(3);
        for (float bad : new float[] {0, -1, Float.NaN, Float.POSITIVE_INFINITY}) {
            assertThatIllegalArgumentException().isThrownBy(() -> kernels.softCap(x, bad));
        }
        assertThatIllegalArgumentException().isThrownBy(() -> kernels.softCap(ints(1), 1));
    }
}
