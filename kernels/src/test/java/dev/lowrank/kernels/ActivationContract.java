package dev.lowrank.kernels;

import static dev.lowrank.kernels.Numbers.assertClose;
import static dev.lowrank.kernels.Numbers.dot;
import static dev.lowrank.kernels.Numbers.doubles;
import static dev.lowrank.kernels.Numbers.gradient;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.offset;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What every implementation must do with activations, gated or not. */
public abstract class ActivationContract extends KernelsFixture {
    private static final int[] ODD_SIZES = {0, 1, 2, 3, 7, 13, 64, 65, 207, 513, 40_001};

    @ParameterizedTest
    @EnumSource
    void gates(Activation activation) {
        for (int size : ODD_SIZES) {
            float[] gate = wide(size);
            float[] up = reals(size);
            float[] dOut = reals(size);
            Tensor tGate = stored(gate);
            Tensor tUp = stored(up);
            Tensor out = nans(size, 1);
            kernels.gated(activation, tGate, tUp, out);
            assertHolds("out", out, ActivationReference.gated(activation, doubles(gate), doubles(up)), EXACT);
            Tensor dGate = nans(size, 1);
            Tensor dUp = nans(size, 1);
            kernels.gatedBackward(activation, stored(dOut), tGate, tUp, dGate, dUp);
            ActivationReference.GatedGradient expected =
                    ActivationReference.gatedBackward(activation, doubles(dOut), doubles(gate), doubles(up));
            assertHolds("dGate", dGate, expected.dGate(), 3 * EXACT, 0.1);
            assertHolds("dUp", dUp, expected.dUp(), EXACT);
        }
    }

    @ParameterizedTest
    @EnumSource
    void activates(Activation activation) {
        for (int size : ODD_SIZES) {
            float[] values = wide(size);
            float[] dOut = reals(size);
            Tensor x = stored(values);
            Tensor out = nans(size, 1);
            kernels.activation(activation, x, out);
            assertHolds("out", out, ActivationReference.activation(activation, doubles(values)), EXACT);
            Tensor dX = nans(size, 1);
            kernels.activationBackward(activation, stored(dOut), x, dX);
            assertHolds(
                    "dX",
                    dX,
                    ActivationReference.activationBackward(activation, doubles(dOut), doubles(values)),
                    3 * EXACT,
                    0.1);
        }
    }

    /** Both sides of zero, and far enough out that the curves are flat or straight. */
    private float[] wide(int size) {
        float[] values = random(size);
        for (int i = 0; i < size; i++) {
            values[i] *= i % 2 == 0 ? 1 : 10;
        }
        return held(values);
    }

    /** Most activations of a trained model are small or moderate: there the error counts element by element. */
    @ParameterizedTest
    @EnumSource
    void staysWithinAFewRoundingsOfEachElement(Activation activation) {
        float[] values = new float[200_001];
        for (int i = 0; i < values.length; i++) {
            values[i] = (i - 100_000) * 5e-5f;
        }
        held(values);
        Tensor x = stored(values);
        Tensor out = memory.take(activations(), values.length);
        kernels.activation(activation, x, out);
        float[] y = read(out);
        kernels.activationBackward(activation, ones(values.length), x, out);
        float[] slope = read(out);
        double worst = 0;
        double worstSlope = 0;
        for (int i = 0; i < values.length; i++) {
            double exact = ActivationReference.value(activation, values[i]);
            // Relative to the element itself, which is the harder demand near zero and in the tail.
            worst = Math.max(worst, exact == 0 ? Math.abs(y[i]) : Math.abs(y[i] / exact - 1));
            worstSlope = Math.max(worstSlope, Math.abs(slope[i] - ActivationReference.slope(activation, values[i])));
        }
        double rounding = activations() == DType.BF16 ? 0x1p-8 : 0; // Of each element; no slope exceeds 1.2.
        assertThat(worst).isLessThan(rounding + 3e-6);
        assertThat(worstSlope).isLessThan(1.2 * rounding + 5e-7);
    }

    private Tensor ones(int size) {
        float[] values = new float[size];
        Arrays.fill(values, 1);
        return stored(values);
    }

    @ParameterizedTest
    @EnumSource
    void staysFiniteFarFromZero(Activation activation) {
        float[] far = held(-1e30f, -3e19f, -200, -88, 88, 200, 3e19f, 1e30f);
        Tensor x = stored(far);
        Tensor out = memory.take(activations(), 8);
        kernels.activation(activation, x, out);
        // What SiLU makes of -88 is a number of fp32, just so; a device may take it for zero.
        assertThat(read(out))
                .containsExactly(
                        switch (activation) {
                            case TANH -> new float[] {-1, -1, -1, -1, 1, 1, 1, 1};
                            case RELU, SILU, GELU, GELU_TANH -> held(0, 0, 0, 0, 88, 200, 3e19f, 1e30f);
                        },
                        offset(1e-36f));
        kernels.activationBackward(activation, ones(8), x, out);
        float above = activation == Activation.TANH ? 0 : 1;
        assertHolds("slope", out, new double[] {0, 0, 0, 0, above, above, above, above}, 1e-6);
    }

    @ParameterizedTest
    @EnumSource
    void showsWhatIsNotANumber(Activation activation) {
        for (int size : new int[] {1, 40}) {
            Tensor nan = nans(size, 1);
            Tensor out = memory.take(activations(), size);
            kernels.activation(activation, nan, out);
            assertThat(read(out)).containsOnly(Float.NaN);
            kernels.gated(activation, nan, ones(size), out);
            assertThat(read(out)).containsOnly(Float.NaN);
        }
    }

    @ParameterizedTest
    @EnumSource
    void mayWriteOverItsOperands(Activation activation) {
        float[] gate = random(600);
        float[] up = random(600);
        float[] dOut = random(600);
        Tensor out = memory.take(activations(), 600);
        kernels.gated(activation, stored(gate), stored(up), out);
        Tensor x = stored(gate);
        kernels.gated(activation, x, stored(up), x);
        assertThat(read(x)).isEqualTo(read(out));
        x = stored(up);
        kernels.gated(activation, stored(gate), x, x);
        assertThat(read(x)).isEqualTo(read(out));

        Tensor dGate = memory.take(activations(), 600);
        Tensor dUp = memory.take(activations(), 600);
        kernels.gatedBackward(activation, stored(dOut), stored(gate), stored(up), dGate, dUp);
        Tensor g = stored(gate);
        Tensor u = stored(up);
        kernels.gatedBackward(activation, stored(dOut), g, u, g, u);
        assertThat(read(g)).isEqualTo(read(dGate));
        assertThat(read(u)).isEqualTo(read(dUp));
        Tensor d = stored(dOut);
        kernels.gatedBackward(activation, d, stored(gate), stored(up), d, u);
        assertThat(read(d)).isEqualTo(read(dGate));
        assertThat(read(u)).isEqualTo(read(dUp));

        kernels.activation(activation, stored(gate), out);
        x = stored(gate);
        kernels.activation(activation, x, x);
        assertThat(read(x)).isEqualTo(read(out));
        kernels.activationBackward(activation, stored(dOut), stored(gate), out);
        d = stored(dOut);
        kernels.activationBackward(activation, d, stored(gate), d);
        assertThat(read(d)).isEqualTo(read(out));
    }

    @ParameterizedTest
    @EnumSource
    void gradientsMatchDifferences(Activation activation) {
        double[] gate = doubles(random(9));
        double[] up = doubles(random(9));
        double[] dOut = doubles(random(9));
        ActivationReference.GatedGradient analytic = ActivationReference.gatedBackward(activation, dOut, gate, up);
        assertClose(
                "dGate",
                analytic.dGate(),
                gradient(at -> dot(dOut, ActivationReference.gated(activation, at, up)), gate),
                1e-6);
        assertClose(
                "dUp",
                analytic.dUp(),
                gradient(at -> dot(dOut, ActivationReference.gated(activation, gate, at)), up),
                1e-6);
        assertClose(
                "dX",
                ActivationReference.activationBackward(activation, dOut, gate),
                gradient(at -> dot(dOut, ActivationReference.activation(activation, at)), gate),
                1e-6);
    }

    @Test
    void refusesShapesThatDoNotFit() {
        Activation f = Activation.SILU;
        Tensor a = zeros(2, 3);
        Tensor b = zeros(4, 5);
        Runnable[] calls = {
            () -> kernels.gated(f, a, b, a),
            () -> kernels.gated(f, a, a, b),
            () -> kernels.gated(f, ints(1, 2), zeros(2), zeros(2)),
            () -> kernels.gatedBackward(f, b, a, a, a, a),
            () -> kernels.gatedBackward(f, a, a, b, a, a),
            () -> kernels.gatedBackward(f, a, a, a, b, a),
            () -> kernels.gatedBackward(f, a, a, a, a, b),
            () -> kernels.activation(f, a, b),
            () -> kernels.activationBackward(f, b, a, a),
            () -> kernels.activationBackward(f, a, a, b),
        };
        for (int i = 0; i < calls.length; i++) {
            Runnable call = calls[i];
            assertThatIllegalArgumentException().as("call %d", i).isThrownBy(call::run);
        }
    }
}
