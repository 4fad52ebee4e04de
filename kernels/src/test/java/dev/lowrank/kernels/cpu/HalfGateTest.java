package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.lowrank.kernels.Activation;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The gate of a strip gives the bits of fp32's gate, rounded once; by SiLU, where {@link HalfSigmoid} is as near as that rounding needs, nearly all. */
class HalfGateTest {
    private static final int SIZE = 32 * 70 + 21;

    private final Random random = new Random(3);

    @ParameterizedTest
    @EnumSource(Activation.class)
    void valuesAndGradientsAreThoseOfFp32RoundedOnce(Activation activation) {
        try (CpuKernels kernels = CpuKernels.open(1);
                Workspace memory = kernels.workspace()) {
            Tensor gate = numbers(memory, 8);
            Tensor up = numbers(memory, 1);
            Tensor dOut = numbers(memory, 1);
            Tensor expected = memory.take(DType.BF16, SIZE);
            Tensor dGate = memory.take(DType.BF16, SIZE);
            Tensor dUp = memory.take(DType.BF16, SIZE);
            Tensor[] wide = {
                widened(memory, kernels, gate), widened(memory, kernels, up), widened(memory, kernels, dOut)
            };
            Tensor value = memory.take(SIZE);
            kernels.gated(activation, wide[0], wide[1], value);
            kernels.convert(value, expected);
            kernels.gatedBackward(activation, wide[2], wide[0], wide[1], wide[0], wide[1]);
            kernels.convert(wide[0], dGate);
            kernels.convert(wide[1], dUp);
            HalfGate strip = new HalfGate();
            Tensor out = memory.take(DType.BF16, SIZE);
            strip.forward(activation, gate.data(), up.data(), out.data(), 0, SIZE);
            assertSame(activation, out, expected);
            Tensor inPlace = memory.take(DType.BF16, SIZE);
            kernels.copy(dOut, inPlace);
            strip.backward(activation, inPlace.data(), gate.data(), up.data(), inPlace.data(), out.data(), 0, SIZE);
            assertSame(activation, inPlace, dGate);
            assertSame(activation, out, dUp);
        }
    }

    /** Machine code, where there is any, gives what the Vector API gives. */
    @Test
    void codeAndVectorApiAgreeToTheBit() {
        try (CpuKernels kernels = CpuKernels.open(1);
                Workspace memory = kernels.workspace()) {
            int whole = SIZE / 32 * 32;
            Tensor gate = numbers(memory, 8);
            Tensor up = numbers(memory, 1);
            Tensor dOut = numbers(memory, 1);
            Tensor[] coded = {
                memory.take(DType.BF16, SIZE), memory.take(DType.BF16, SIZE), memory.take(DType.BF16, SIZE)
            };
            Tensor[] vectors = {
                memory.take(DType.BF16, SIZE), memory.take(DType.BF16, SIZE), memory.take(DType.BF16, SIZE)
            };
            HalfGate strip = new HalfGate();
            strip.forward(Activation.SILU, gate.data(), up.data(), coded[0].data(), 0, whole);
            strip.backward(
                    Activation.SILU, dOut.data(), gate.data(), up.data(), coded[1].data(), coded[2].data(), 0, whole);
            Curves.gateBySiluInHalf(gate.data(), up.data(), vectors[0].data(), 0, whole);
            float[] sigmoids = new float[whole];
            Curves.sigmoidsOfHalf(gate.data(), 0, sigmoids, whole);
            Curves.gateBySiluBackwardInHalf(
                    dOut.data(), gate.data(), sigmoids, up.data(), vectors[1].data(), vectors[2].data(), 0, whole);
            for (int i = 0; i < 3; i++) {
                assertThat(differing(coded[i], vectors[i], whole)).isEmpty();
            }
        }
    }

    private static void assertSame(Activation activation, Tensor actual, Tensor expected) {
        List<String> differing = differing(actual, expected, SIZE);
        if (activation != Activation.SILU) {
            assertThat(differing).isEmpty();
            return;
        }
        assertThat(differing).hasSizeLessThanOrEqualTo(SIZE / 50);
        for (int i = 0; i < SIZE; i++) {
            float e = Float.intBitsToFloat(expected.data().getAtIndex(JAVA_SHORT, i) << 16);
            float a = Float.intBitsToFloat(actual.data().getAtIndex(JAVA_SHORT, i) << 16);
            if (a != e && !Float.isNaN(e)) {
                assertThat(a).as("element %d", i).isCloseTo(e, within(Math.abs(e) * 0x1p-7f));
            }
        }
    }

    private static Tensor widened(Workspace memory, CpuKernels kernels, Tensor tensor) {
        Tensor wide = memory.take(SIZE);
        kernels.convert(tensor, wide);
        return wide;
    }

    /** Some that are special among them. */
    private Tensor numbers(Workspace memory, float spread) {
        float[] special = {0, -0f, 100, -100, 3e38f, -3e38f, Float.POSITIVE_INFINITY, Float.NaN, 87, -87, 88.5f, -88.5f
        };
        Tensor tensor = memory.take(DType.BF16, SIZE);
        for (int i = 0; i < SIZE; i++) {
            float value = i < special.length ? special[i] : (float) random.nextGaussian() * spread;
            tensor.data().setAtIndex(JAVA_SHORT, i, (short) (Float.floatToRawIntBits(value) >>> 16));
        }
        return tensor;
    }

    private static List<String> differing(Tensor actual, Tensor expected, int size) {
        List<String> found = new ArrayList<>();
        for (int i = 0; i < size; i++) {
            short a = actual.data().getAtIndex(JAVA_SHORT, i);
            short e = expected.data().getAtIndex(JAVA_SHORT, i);
            boolean bothNot = Float.isNaN(Float.intBitsToFloat(a << 16)) && Float.isNaN(Float.intBitsToFloat(e << 16));
            if (a != e && !bothNot) {
                found.add("%d: %x, not %x".formatted(i, a, e));
            }
        }
        return found;
    }
}
