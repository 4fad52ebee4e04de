package dev.lowrank.kernels.cpu;

import jdk.incubator.vector.FloatVector;

/**
 * The hyperbolic tangent in fp32 within a few units in the last place, near zero too. NaN gives NaN. Vector and scalar
 * forms give the same bits.
 *
 * <p>{@code tanh x = (e^2x - 1) / (e^2x + 1) = E / (E + 2)} with {@code E = e^2x - 1}, which is never near -2.
 */
final class Tanh {
    /** From here on the result rounds to 1. */
    private static final float LARGEST = 9.1f;

    private Tanh() {}

    static FloatVector tanh(FloatVector x) {
        FloatVector e = Exp.minusOne(x.min(LARGEST).max(-LARGEST).mul(2));
        return e.div(e.add(2));
    }

    static float tanh(float x) {
        float e = Exp.minusOne(Math.max(Math.min(x, LARGEST), -LARGEST) * 2);
        return e / (e + 2);
    }
}
