package dev.lowrank.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** How every implementation must turn fp32 into BF16 and back. */
public abstract class Bf16Contract extends KernelsFixture {
    /** About each middle between two neighbours, and about the neighbours themselves. */
    private static final int[] LOWER_HALVES = {0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF};

    private static final int[] ODD_SIZES = {0, 1, 2, 7, 15, 16, 17, 31, 33, 65, 207, 40_001};

    /** Every sign, exponent and fraction that BF16 has: zeros, subnormals, infinities and NaN too. */
    private static float[] everyUpperHalf(int... lowerHalves) {
        float[] values = new float[lowerHalves.length << 16];
        for (int i = 0; i < values.length; i++) {
            values[i] = Float.intBitsToFloat(i / lowerHalves.length << 16 | lowerHalves[i % lowerHalves.length]);
        }
        return values;
    }

    private Tensor half(int size) {
        return memory.take(DType.BF16, size);
    }

    private Tensor converted(float[] values) {
        Tensor target = half(values.length);
        kernels.convert(tensor(values), target);
        return target;
    }

    @Test
    void roundsToTheNearestAndTiesToEven() {
        float[] values = everyUpperHalf(LOWER_HALVES);
        float[] expected = Bf16Reference.round(values.clone());
        assertThat(Arrays.mismatch(read(converted(values)), expected)).isEqualTo(-1);
        Tensor uploaded = half(values.length);
        kernels.upload(values, 0, uploaded);
        assertThat(Arrays.mismatch(read(uploaded), expected)).isEqualTo(-1);
    }

    /** Fifteen elements fill no vector of sixteen, one none at all. */
    @Test
    void roundsFewElementsLikeMany() {
        float[] values = everyUpperHalf(LOWER_HALVES);
        float[] expected = Bf16Reference.round(values.clone());
        float[] actual = new float[values.length];
        Tensor few = memory.take(DType.BF16, 15);
        for (int at = 0; at < values.length; at += 15) {
            Tensor part = few.slice(0, Math.min(15, values.length - at));
            kernels.upload(values, at, part);
            kernels.download(part, actual, at);
        }
        assertThat(Arrays.mismatch(actual, expected)).isEqualTo(-1);
    }

    @Test
    void tellsTheKnownCases() {
        float[] values = {
            1,
            1 + 0x1p-8f, // Between 1 and 1 + 2^-7, of which 1 is even.
            1 + 0x1p-7f + 0x1p-8f, // Between 1 + 2^-7 and 1 + 2^-6.
            1 + 0x1p-8f + 0x1p-23f,
            -0f,
            0x1p-133f, // The smallest.
            0x1p-134f,
            0x1.0002p-134f,
            Float.MIN_VALUE,
            Float.MAX_VALUE,
            0x1.FEp127f, // The largest.
            -0x1.FEFFFEp127f,
            -0x1.FFp127f,
            Float.NEGATIVE_INFINITY,
            Float.NaN,
            Float.intBitsToFloat(0x7F800001), // A NaN whose upper half alone would be infinity.
            Float.intBitsToFloat(0xFFFFFFFF), // Adding to it would give 0.
        };
        float[] expected = {
            1,
            1,
            1 + 0x1p-6f,
            1 + 0x1p-7f,
            -0f,
            0x1p-133f,
            0,
            0x1p-133f,
            0,
            Float.POSITIVE_INFINITY,
            0x1.FEp127f,
            -0x1.FEp127f,
            Float.NEGATIVE_INFINITY,
            Float.NEGATIVE_INFINITY,
            Float.NaN,
            Float.NaN,
            Float.NaN,
        };
        assertThat(read(converted(values))).isEqualTo(expected);
        assertThat(Bf16Reference.round(values)).isEqualTo(expected);
    }

    @Test
    void keepsEveryNumberItHolds() {
        float[] values = everyUpperHalf(0);
        Tensor half = converted(values);
        assertThat(Arrays.mismatch(read(half), values)).isEqualTo(-1);
        Tensor back = memory.take(values.length);
        kernels.convert(half, back);
        assertThat(Arrays.mismatch(read(back), values)).isEqualTo(-1);
    }

    @Test
    void convertsAnySizeAndTouchesNothingBeside() {
        DType[] types = {DType.F32, DType.BF16};
        for (int size : ODD_SIZES) {
            for (DType from : types) {
                for (DType to : types) {
                    float[] values = random(size);
                    Tensor source = memory.take(from, size + 20).slice(3, size);
                    kernels.upload(values, 0, source);
                    Tensor around = memory.take(to, size + 40);
                    float[] expected = new float[size + 40];
                    Arrays.fill(expected, 9);
                    kernels.upload(expected, 0, around);
                    kernels.convert(source, around.slice(13, size));
                    boolean rounded = from == DType.BF16 || to == DType.BF16;
                    System.arraycopy(rounded ? Bf16Reference.round(values) : values, 0, expected, 13, size);
                    assertThat(read(around)).as("%d %s to %s", size, from, to).isEqualTo(expected);
                }
            }
        }
    }

    @Test
    void uploadsAndDownloadsAnySizeAtAnOffset() {
        for (int size : ODD_SIZES) {
            float[] values = random(size + 11);
            Tensor around = half(size + 40);
            kernels.zero(around);
            kernels.upload(values, 5, around.slice(13, size));
            float[] expected = new float[size + 40];
            System.arraycopy(Bf16Reference.round(values), 5, expected, 13, size);
            assertThat(read(around)).as("%d up", size).isEqualTo(expected);
            float[] target = new float[size + 11];
            kernels.download(around.slice(13, size), target, 7);
            expected = new float[size + 11];
            System.arraycopy(values, 5, expected, 7, size);
            assertThat(target).as("%d down", size).isEqualTo(expected);
        }
    }

    @Test
    void refusesWhatDoesNotFit() {
        Tensor three = half(3);
        Runnable[] calls = {
            () -> kernels.convert(three, zeros(4)),
            () -> kernels.convert(three, ints(1, 2, 3)),
            () -> kernels.convert(ints(1, 2, 3), three),
            () -> kernels.copy(three, zeros(3)),
            () -> kernels.upload(new float[3], 1, three),
            () -> kernels.download(three, new float[2], 0),
        };
        for (int i = 0; i < calls.length; i++) {
            assertThatIllegalArgumentException().as("call %d", i).isThrownBy(calls[i]::run);
        }
    }
}
