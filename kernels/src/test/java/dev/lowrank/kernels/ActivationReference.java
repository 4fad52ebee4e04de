package dev.lowrank.kernels;

/** The activations in double precision; names and shapes as in {@link Kernels}. */
public final class ActivationReference {
    private ActivationReference() {}

    static double value(Activation activation, double z) {
        return switch (activation) {
            case SILU -> z / (1 + Math.exp(-z));
            case GELU -> z * distribution(z);
            case GELU_TANH -> z / 2 * (1 + Math.tanh(root() * (z + 0.044715 * z * z * z)));
            case RELU -> Math.max(z, 0);
            case TANH -> Math.tanh(z);
        };
    }

    static double slope(Activation activation, double z) {
        return switch (activation) {
            case SILU -> {
                double s = 1 / (1 + Math.exp(-z));
                yield s * (1 + z * (1 - s));
            }
            case GELU -> distribution(z) + z * Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);
            case GELU_TANH -> {
                double t = Math.tanh(root() * (z + 0.044715 * z * z * z));
                yield (1 + t) / 2 + z / 2 * (1 - t * t) * root() * (1 + 3 * 0.044715 * z * z);
            }
            case RELU -> z > 0 ? 1 : 0;
            case TANH -> 1 - Math.tanh(z) * Math.tanh(z);
        };
    }

    private static double root() {
        return Math.sqrt(2 / Math.PI);
    }

    /**
     * The normal distribution, without cancellation on either side: the series
     * {@code 1/2 + phi(z) (z + z^3/3 + z^5/(3*5) + …)} near zero, and the continued fraction
     * {@code phi(x) / (x + 1/(x + 2/(x + 3/(x + …))))} for what lies beyond x = |z|.
     */
    public static double distribution(double z) {
        double x = Math.abs(z);
        double density = Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
        double beyond;
        if (x < 3) {
            double sum = 0;
            double term = x;
            for (int k = 3; term > 1e-18 * sum; k += 2) {
                sum += term;
                term *= x * x / k;
            }
            beyond = 0.5 - density * sum;
        } else {
            double fraction = x;
            for (int k = 200; k > 0; k--) {
                fraction = x + k / fraction;
            }
            beyond = density / fraction;
        }
        return z < 0 ? beyond : 1 - beyond;
    }

    static double[] activation(Activation activation, double[] x) {
        double[] out = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            out[i] = value(activation, x[i]);
        }
        return out;
    }

    static double[] activationBackward(Activation activation, double[] dOut, double[] x) {
        double[] dX = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            dX[i] = dOut[i] * slope(activation, x[i]);
        }
        return dX;
    }

    static double[] gated(Activation activation, double[] gate, double[] up) {
        double[] out = new double[gate.length];
        for (int i = 0; i < gate.length; i++) {
            out[i] = value(activation, gate[i]) * up[i];
        }
        return out;
    }

    record GatedGradient(double[] dGate, double[] dUp) {}

    static GatedGradient gatedBackward(Activation activation, double[] dOut, double[] gate, double[] up) {
        double[] dGate = new double[gate.length];
        double[] dUp = new double[gate.length];
        for (int i = 0; i < gate.length; i++) {
            dUp[i] = dOut[i] * value(activation, gate[i]);
            dGate[i] = dOut[i] * up[i] * slope(activation, gate[i]);
        }
        return new GatedGradient(dGate, dUp);
    }
}
