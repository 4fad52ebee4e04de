package dev.lowrank.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** What every implementation must do to add noise. */
public abstract class NoiseContract extends KernelsFixture {
    private static final int SIZE = 100_003;

    @Test
    void addsNoiseEvenlySpreadBetweenItsBounds() {
        Tensor x = zeroActivations(SIZE);
        kernels.addUniformNoise(x, 0.5f, 42);
        float[] noise = read(x);
        float nearlyHalf = held(Math.nextDown(0.5f))[0];
        double sum = 0;
        double squares = 0;
        double neighbours = 0;
        int[] quarters = new int[4];
        for (int i = 0; i < SIZE; i++) {
            assertThat(noise[i]).isBetween(-0.5f, nearlyHalf);
            sum += noise[i];
            squares += noise[i] * noise[i];
            neighbours += i == 0 ? 0 : noise[i] * noise[i - 1];
            quarters[Math.min(3, (int) ((noise[i] + 0.5f) * 4))]++;
        }
        double deviation = 1 / Math.sqrt(12); // Of one draw between -1/2 and 1/2.
        assertThat(sum / SIZE).isCloseTo(0, within(5 * deviation / Math.sqrt(SIZE)));
        assertThat(squares / SIZE).isCloseTo(1.0 / 12, within(5 * Math.sqrt(1.0 / 180 / SIZE)));
        assertThat(neighbours / SIZE).isCloseTo(0, within(5.0 / 12 / Math.sqrt(SIZE)));
        for (int quarter : quarters) {
            assertThat(quarter / (double) SIZE).isCloseTo(0.25, within(5 * Math.sqrt(0.1875 / SIZE)));
        }
    }

    @Test
    void addsTheNoiseThatEveryDeviceAdds() {
        float[] values = reals((1 << 20) + 207); // More than one chunk of keys.
        for (long key : new long[] {0, -5, 0x123456789ABCDEFL}) {
            Tensor x = stored(values);
            kernels.addUniformNoise(x, 0.3f, key);
            float[] expected = values.clone();
            for (int i = 0; i < expected.length; i++) {
                double u = Reference.uniform(key, i);
                expected[i] = (float) (values[i] + 0.3f * (2 * u - 1));
            }
            assertThat(Arrays.mismatch(read(x), held(expected))).isEqualTo(-1);
        }
    }

    @Test
    void addsByPlaceNotBySizeAndByKey() {
        float[] values = reals(SIZE);
        Tensor whole = stored(values);
        kernels.addUniformNoise(whole, 2, 9);
        float[] expected = read(whole);
        Tensor again = stored(values);
        kernels.addUniformNoise(again, 2, 9);
        assertThat(read(again)).isEqualTo(expected);
        for (int size : SIZES) {
            Tensor part = stored(Arrays.copyOf(values, size));
            kernels.addUniformNoise(part, 2, 9);
            assertThat(read(part)).isEqualTo(Arrays.copyOf(expected, size));
        }
        Tensor other = stored(values);
        kernels.addUniformNoise(other, 2, 10);
        float[] otherwise = read(other);
        int equal = 0;
        for (int i = 0; i < SIZE; i++) {
            equal += otherwise[i] == expected[i] ? 1 : 0;
        }
        assertThat(equal).isLessThan(SIZE / 200); // Of as few numbers as BF16 has, some are drawn twice.
    }

    @Test
    void addsNothingWithinABoundOfZeroAndRefusesBoundsThatAreNone() {
        float[] values = reals(207);
        Tensor x = stored(values);
        kernels.addUniformNoise(x, 0, 3);
        assertThat(read(x)).isEqualTo(values);
        kernels.addUniformNoise(memory.take(0), 1, 3);
        for (float bound : new float[] {-1, Float.NaN, Float.POSITIVE_INFINITY}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> kernels.addUniformNoise(x, bound, 3))
                    .withMessageContaining("bound");
        }
        assertThatIllegalArgumentException().isThrownBy(() -> kernels.addUniformNoise(ints(1), 1, 3));
    }
}
