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
    private static final float CENTER = 4;
    private static final float Q10 = 1.943103e-05f;
    private static final float Q9 = 3.5753772e-05f;
    private static final float Q8 = -1.7872835e-04f;
    private static final float Q7 = -6.298208e-04f;
    private static final float Q6 = 5.040076e-04f;
    private static final float Q5 = 8.4883105e-03f;
    private static final float Q4 = 3.0865427e-02f;
    private static final float Q3 = 7.170807e-02f;
    private static final float Q2 = 1.24379225e-01f;
    private static final float Q1 = 1.7039768e-01f;
    private static final float Q0 = 9.441064e-02f;

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
        FloatVector s = Lanes.all(CENTER).sub(x).div(x.add(CENTER));
        FloatVector below = lower(s, upper(s)).mul(bell);
        return Lanes.all(1).sub(below).blend(below, z.compare(VectorOperators.LT, 0));
    }

    /** Q's terms of degree 5 and more, over {@code s^5}. Q is in two parts because the compiler inlines no large method. */
    private static FloatVector upper(FloatVector s) {
        FloatVector q = s.fma(Lanes.all(Q10), Lanes.all(Q9));
        q = q.fma(s, Lanes.all(Q8));
        q = q.fma(s, Lanes.all(Q7));
        q = q.fma(s, Lanes.all(Q6));
        return q.fma(s, Lanes.all(Q5));
    }

    private static FloatVector lower(FloatVector s, FloatVector upper) {
        FloatVector q = upper.fma(s, Lanes.all(Q4));
        q = q.fma(s, Lanes.all(Q3));
        q = q.fma(s, Lanes.all(Q2));
        q = q.fma(s, Lanes.all(Q1));
        return q.fma(s, Lanes.all(Q0));
    }
}
