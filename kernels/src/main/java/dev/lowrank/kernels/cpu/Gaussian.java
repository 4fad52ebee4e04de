package dev.lowrank.kernels.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The normal distribution {@code Phi(z) = (1 + erf(z / sqrt(2))) / 2} in fp32, within 1.3e-7; for negative z within a
 * few units in the last place, so that z times Phi(z) is good in the far tail too.
 *
 * <p>For {@code x = |z|}, {@code Phi(-x) = e^(-x^2 / 2) Q(x)} where Q falls smoothly from 1/2 like {@code 1 / x}. In
 * {@code s = (4 - x) / (4 + x)}, which lies in (-1, 1], Q is a polynomial of degree 10 to within 5.1e-9; the
 * coefficients are those of its Chebyshev interpolation in 40 digits.
 */
final class Gaussian {
    // Vectors, not numbers: spreading each at its place would fill the loop beyond what the compiler inlines into it.
    private static final FloatVector CENTER = Lanes.all(4);
    private static final FloatVector ONE = Lanes.all(1);
    private static final FloatVector Q10 = Lanes.all(1.943103e-05f);
    private static final FloatVector Q9 = Lanes.all(3.5753772e-05f);
    private static final FloatVector Q8 = Lanes.all(-1.7872835e-04f);
    private static final FloatVector Q7 = Lanes.all(-6.298208e-04f);
    private static final FloatVector Q6 = Lanes.all(5.040076e-04f);
    private static final FloatVector Q5 = Lanes.all(8.4883105e-03f);
    private static final FloatVector Q4 = Lanes.all(3.0865427e-02f);
    private static final FloatVector Q3 = Lanes.all(7.170807e-02f);
    private static final FloatVector Q2 = Lanes.all(1.24379225e-01f);
    private static final FloatVector Q1 = Lanes.all(1.7039768e-01f);
    private static final FloatVector Q0 = Lanes.all(9.441064e-02f);

    private Gaussian() {}

    /** {@code e^(-z^2 / 2)}: the density times {@code sqrt(2 pi)}. */
    static FloatVector bell(FloatVector z) {
        return Exp.exp(z.mul(z).mul(-0.5f));
    }

    /**
     * {@code Phi(z)}.
     *
     * @param bell {@link #bell} of z, which the caller of both needs once
     */
    static FloatVector distribution(FloatVector z, FloatVector bell) {
        FloatVector x = z.abs();
        FloatVector s = CENTER.sub(x).div(CENTER.add(x));
        FloatVector q = s.fma(Q10, Q9);
        q = q.fma(s, Q8);
        q = q.fma(s, Q7);
        q = q.fma(s, Q6);
        q = q.fma(s, Q5);
        q = q.fma(s, Q4);
        q = q.fma(s, Q3);
        q = q.fma(s, Q2);
        q = q.fma(s, Q1);
        q = q.fma(s, Q0);
        FloatVector below = q.mul(bell);
        return ONE.sub(below).blend(below, z.test(VectorOperators.IS_NEGATIVE));
    }
}
