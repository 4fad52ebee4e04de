package dev.lowrank.kernels.cpu;

import jdk.incubator.vector.FloatVector;

/**
 * The sigmoid where what comes of it is rounded to BF16: within 1e-5 of itself, a two-hundredth of that rounding, for half of the
 * instructions that fp32 takes. {@link SiluCode} does the same, to the bit.
 *
 * <p>With {@code e = e^-|z|} it is {@code 1 / (1 + e)}, or {@code e / (1 + e)} below zero; neither overflows. The quotient is a polynomial
 * of degree 3, the best that is 1 at 0, within 2.2e-3 for e from 0 to 1, and one step of Newton's, which squares that error.
 */
final class HalfSigmoid {
    private static final float LOG2_E = 1.44269504f;
    private static final float R3 = -0.23708925f;
    private static final float R2 = 0.69250586f;
    private static final float R1 = -0.95649823f;
    private static final float TWO = 2;

    /** Those of {@link Bf16Softmax}, and others in the order of their use, for code of our own. */
    static final float[] CONSTANTS = constants(-0f, LOG2_E, R3, R2, R1, TWO, 0);

    private HalfSigmoid() {}

    private static float[] constants(float... others) {
        float[] all = new float[Bf16Softmax.CONSTANTS.length + others.length];
        System.arraycopy(Bf16Softmax.CONSTANTS, 0, all, 0, Bf16Softmax.CONSTANTS.length);
        System.arraycopy(others, 0, all, Bf16Softmax.CONSTANTS.length, others.length);
        return all;
    }

    static FloatVector of(FloatVector z) {
        FloatVector e = Bf16Softmax.power(z.abs().neg().mul(LOG2_E));
        FloatVector guess = e.fma(Lanes.all(R3), Lanes.all(R2));
        guess = guess.fma(e, Lanes.all(R1)).fma(e, Lanes.all(1));
        FloatVector quotient = guess.mul(e.add(1).neg().fma(guess, Lanes.all(TWO)));
        return Lanes.all(1).blend(e, z.lt(0)).mul(quotient);
    }

    /** {@code y = z sigmoid(z)} for i below n rounded up to whole vectors; y is not z. */
    static void silu(float[] z, float[] y, int n) {
        for (int i = 0; i < n; i += Lanes.WIDTH) {
            FloatVector x = FloatVector.fromArray(Lanes.F, z, i);
            x.mul(of(x)).intoArray(y, i);
        }
    }

    /** The same with {@code slope = silu'(z)} beside it. */
    static void silu(float[] z, float[] y, float[] slope, int n) {
        for (int i = 0; i < n; i += Lanes.WIDTH) {
            FloatVector x = FloatVector.fromArray(Lanes.F, z, i);
            FloatVector s = of(x);
            x.mul(s).intoArray(y, i);
            Curves.siluSlope(x, s).intoArray(slope, i);
        }
    }
}
