package dev.lowrank.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import java.util.function.ToDoubleFunction;

/** Random data, comparison, and gradients by differences. */
final class Numbers {
    private Numbers() {}

    static float[] random(Random random, int size) {
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    static double[] doubles(float[] values) {
        double[] copy = new double[values.length];
        for (int i = 0; i < values.length; i++) {
            copy[i] = values[i];
        }
        return copy;
    }

    static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    /** The gradient of a function by central differences. */
    static double[] gradient(ToDoubleFunction<double[]> function, double[] at) {
        double step = 1e-5;
        double[] place = at.clone();
        double[] gradient = new double[at.length];
        for (int i = 0; i < at.length; i++) {
            place[i] = at[i] + step;
            double above = function.applyAsDouble(place);
            place[i] = at[i] - step;
            double below = function.applyAsDouble(place);
            place[i] = at[i];
            gradient[i] = (above - below) / (2 * step);
        }
        return gradient;
    }

    /** Each number within {@code tolerance} times the largest magnitude expected (at least 1e-3). */
    static void assertClose(String what, float[] actual, double[] expected, double tolerance) {
        assertClose(what, actual, expected, tolerance, 1e-3);
    }

    /** The same, with the least magnitude to take for the largest: that of sums whose terms may cancel. */
    static void assertClose(String what, float[] actual, double[] expected, double tolerance, double least) {
        assertClose(what, actual, expected, 0, tolerance, least);
    }

    /** The same, and {@code rounding} times the number expected besides. */
    static void assertClose(
            String what, float[] actual, double[] expected, double rounding, double tolerance, double least) {
        assertThat(actual).as(what).hasSameSizeAs(expected);
        double largest = least;
        for (double one : expected) {
            largest = Math.max(largest, Math.abs(one));
        }
        for (int i = 0; i < actual.length; i++) {
            // Negated, so that NaN fails.
            if (!(Math.abs(actual[i] - expected[i]) <= rounding * Math.abs(expected[i]) + tolerance * largest)) {
                assertThat((double) actual[i])
                        .as("%s[%d], largest %s, tolerance %s", what, i, largest, tolerance)
                        .isEqualTo(expected[i]);
            }
        }
    }

    static void assertClose(String what, double[] actual, double[] expected, double tolerance) {
        float[] rounded = new float[actual.length];
        for (int i = 0; i < actual.length; i++) {
            rounded[i] = (float) actual[i];
        }
        assertClose(what, rounded, expected, tolerance);
    }
}
