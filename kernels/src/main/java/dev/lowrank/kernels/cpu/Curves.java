package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Activation;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The activations and their slopes on small arrays, whole vectors at a time. Each has its own loop, chosen outside it: a
 * choice inside would make every vector an object.
 */
final class Curves {
    private static final float TWO_ROOT = 1.5957691216f; // 2 sqrt(2 / pi)
    private static final float CUBIC = 0.044715f;

    /** From |z| = 16 on, the sigmoid in {@link Activation#GELU_TANH} is 0 or 1; beyond, its argument could overflow. */
    private static final float FAR = 256;

    private static final FloatVector DENSITY = Lanes.all(0.3989422804f); // 1 / sqrt(2 pi)

    private Curves() {}

    /** {@code y[i] = activation(z[i])} for i below n rounded up to whole vectors; y is not z. */
    static void values(Activation activation, float[] z, float[] y, int n) {
        switch (activation) {
            case SILU -> silu(z, y, n);
            case GELU -> gelu(z, y, n);
            case GELU_TANH -> geluTanh(z, y, n);
            case RELU -> relu(z, y, n);
            case TANH -> tanh(z, y, n);
        }
    }

    /** The same with {@code slope[i] = activation'(z[i])} beside it. */
    static void slopes(Activation activation, float[] z, float[] y, float[] slope, int n) {
        switch (activation) {
            case SILU -> silu(z, y, slope, n);
            case GELU -> gelu(z, y, slope, n);
            case GELU_TANH -> geluTanh(z, y, slope, n);
            case RELU -> relu(z, y, slope, n);
            case TANH -> tanh(z, y, slope, n);
        }
    }

    /** {@code out = silu(gate) * up} for n elements, a multiple of the vectors' width. */
    static void gateBySilu(
            MemorySegment gate, long atGate, MemorySegment up, long atUp, MemorySegment out, long atOut, int n) {
        for (int i = 0; i < n; i += Lanes.WIDTH) {
            Lanes.store(gatedBySilu(Lanes.load(gate, atGate + i), Lanes.load(up, atUp + i)), out, atOut + i);
        }
    }

    /** The same in BF16 by {@link HalfSigmoid}, without a stretch of each: the commonest operands of all. */
    static void gateBySiluInHalf(MemorySegment gate, MemorySegment up, MemorySegment out, long at, int n) {
        for (int i = 0; i < n; i += Lanes.WIDTH) {
            FloatVector z = Floats.widen(gate, at + i);
            Floats.narrow(z.mul(HalfSigmoid.of(z)).mul(Floats.widen(up, at + i)), out, at + i);
        }
    }

    private static FloatVector gatedBySilu(FloatVector z, FloatVector up) {
        return z.mul(sigmoid(z)).mul(up);
    }

    /** {@code y = sigmoid(z)} for n elements, a multiple of the vectors' width. */
    static void sigmoids(MemorySegment z, long at, float[] y, int n) {
        for (int i = 0; i < n; i += Lanes.WIDTH) {
            sigmoid(Lanes.load(z, at + i)).intoArray(y, i);
        }
    }

    /** The same in BF16 by {@link HalfSigmoid}. */
    static void sigmoidsOfHalf(MemorySegment z, long at, float[] y, int n) {
        for (int i = 0; i < n; i += Lanes.WIDTH) {
            HalfSigmoid.of(Floats.widen(z, at + i)).intoArray(y, i);
        }
    }

    /**
     * {@code dUp = dOut * silu(gate)} and {@code dGate = dOut * up * silu'(gate)} for n elements, a multiple of the
     * vectors' width.
     *
     * @param sigmoids of the gate; a loop that computed them too would exceed what the compiler inlines
     */
    static void gateBySiluBackward(
            MemorySegment dOut,
            long atD,
            MemorySegment gate,
            long atGate,
            float[] sigmoids,
            MemorySegment up,
            long atUp,
            MemorySegment dGate,
            long atDGate,
            MemorySegment dUp,
            long atDUp,
            int n) {
        for (int i = 0; i < n; i += Lanes.WIDTH) {
            FloatVector z = Lanes.load(gate, atGate + i);
            FloatVector s = load(sigmoids, i);
            FloatVector d = Lanes.load(dOut, atD + i);
            FloatVector u = Lanes.load(up, atUp + i);
            Lanes.store(d.mul(u).mul(siluSlope(z, s)), dGate, atDGate + i);
            Lanes.store(d.mul(z.mul(s)), dUp, atDUp + i);
        }
    }

    /** The same in BF16, without a stretch of each. */
    static void gateBySiluBackwardInHalf(
            MemorySegment dOut,
            MemorySegment gate,
            float[] sigmoids,
            MemorySegment up,
            MemorySegment dGate,
            MemorySegment dUp,
            long at,
            int n) {
        for (int i = 0; i < n; i += Lanes.WIDTH) {
            FloatVector z = Floats.widen(gate, at + i);
            FloatVector s = load(sigmoids, i);
            FloatVector d = Floats.widen(dOut, at + i);
            FloatVector u = Floats.widen(up, at + i);
            Floats.narrow(d.mul(u).mul(siluSlope(z, s)), dGate, at + i);
            Floats.narrow(d.mul(z.mul(s)), dUp, at + i);
        }
    }

    private static void silu(float[] zs, float[] y, int n) {
        for (int i = 0; i < n; i += Lanes.WIDTH) {
            FloatVector z = load(zs, i);
            z.mul(sigmoid(z)).intoArray(y, i);
        }
    }

    private static void silu(float[] zs, float[] y, float[] slope, int n) {
        for (int i = 0; i < n; i += Lanes.WIDTH) {
            FloatVector z = load(zs, i);
            FloatVector s = sigmoid(z);
            z.mul(s).intoArray(y, i);
            siluSlope(z, s).intoArray(slope, i);
        }
    }

    /** With {@code s = 1 / (1 + e^-z)}, {@code s' = s (1 - s)}, so {@code (z s)' = s + z s (1 - s) = s (1 + z (1 - s))}. */
    static FloatVector siluSlope(FloatVector z, FloatVector s) {
        FloatVector one = Lanes.all(1);
        return s.mul(z.fma(one.sub(s), one));
    }

    private static void gelu(float[] zs, float[] y, int n) {
        bells(zs, y, n);
        for (int i = 0; i < n; i += Lanes.WIDTH) {
            FloatVector z = load(zs, i);
            z.mul(Gaussian.distribution(z, load(y, i))).intoArray(y, i);
        }
    }

    /** {@code (z Phi)' = Phi + z phi} with the density {@code phi = e^(-z^2 / 2) / sqrt(2 pi)}. */
    private static void gelu(float[] zs, float[] y, float[] slope, int n) {
        bells(zs, slope, n);
        for (int i = 0; i < n; i += Lanes.WIDTH) {
            FloatVector z = load(zs, i);
            FloatVector bell = load(slope, i);
            FloatVector phi = Gaussian.distribution(z, bell);
            z.mul(phi).intoArray(y, i);
            z.mul(bell).fma(DENSITY, phi).intoArray(slope, i);
        }
    }

    /** A loop of its own: together with the distribution it would exceed what the compiler inlines into one method. */
    private static void bells(float[] zs, float[] bells, int n) {
        for (int i = 0; i < n; i += Lanes.WIDTH) {
            Gaussian.bell(load(zs, i)).intoArray(bells, i);
        }
    }

    /** {@code (1 + tanh u) / 2} is the sigmoid of {@code 2 u}, so the value is {@code z sigmoid(v)}, {@code v = 2 u}. */
    private static void geluTanh(float[] zs, float[] y, int n) {
        for (int i = 0; i < n; i += Lanes.WIDTH) {
            FloatVector z = load(zs, i);
            FloatVector cubic = z.mul(z).min(FAR).mul(CUBIC);
            z.mul(sigmoid(argument(z, cubic))).intoArray(y, i);
        }
    }

    /**
     * With {@code s = sigmoid(v)}, {@code (z s)' = s + z s (1 - s) v'}, and from {@code v = a (z + c z^3)},
     * {@code v' = a (1 + 3 c z^2)}. As {@code 1 - s} would cancel and {@code v'} is large where it does,
     * {@code s (1 - s)} is computed as {@code e / (1 + e)^2} with {@code e = e^-|v|}.
     */
    private static void geluTanh(float[] zs, float[] y, float[] slope, int n) {
        FloatVector one = Lanes.all(1);
        for (int i = 0; i < n; i += Lanes.WIDTH) {
            FloatVector z = load(zs, i);
            FloatVector cubic = z.mul(z).min(FAR).mul(CUBIC);
            FloatVector v = argument(z, cubic);
            FloatVector e = Exp.exp(v.abs().neg());
            FloatVector inverse = one.div(e.add(1));
            FloatVector below = e.mul(inverse);
            FloatVector s = inverse.blend(below, v.lt(0));
            FloatVector steepness = cubic.fma(Lanes.all(3), one).mul(TWO_ROOT);
            z.mul(s).intoArray(y, i);
            z.mul(below.mul(inverse)).fma(steepness, s).intoArray(slope, i);
        }
    }

    /** {@code a (z + c z^3)} from {@code cubic = c z^2}. */
    private static FloatVector argument(FloatVector z, FloatVector cubic) {
        return z.fma(cubic, z).mul(TWO_ROOT);
    }

    private static void relu(float[] zs, float[] y, int n) {
        for (int i = 0; i < n; i += Lanes.WIDTH) {
            load(zs, i).max(0).intoArray(y, i);
        }
    }

    private static void relu(float[] zs, float[] y, float[] slope, int n) {
        for (int i = 0; i < n; i += Lanes.WIDTH) {
            FloatVector z = load(zs, i);
            z.max(0).intoArray(y, i);
            Lanes.all(1).blend(0f, z.compare(VectorOperators.LE, 0)).intoArray(slope, i);
        }
    }

    private static void tanh(float[] zs, float[] y, int n) {
        for (int i = 0; i < n; i += Lanes.WIDTH) {
            Tanh.tanh(load(zs, i)).intoArray(y, i);
        }
    }

    /** With {@code t = tanh z}, {@code t' = 1 - t^2}. */
    private static void tanh(float[] zs, float[] y, float[] slope, int n) {
        for (int i = 0; i < n; i += Lanes.WIDTH) {
            FloatVector t = Tanh.tanh(load(zs, i));
            t.intoArray(y, i);
            t.neg().fma(t, Lanes.all(1)).intoArray(slope, i);
        }
    }

    /** {@code 1 / (1 + e^-z)}; with {@code e = e^-|z|}, {@code 1 / (1 + e)} or {@code e / (1 + e)}, neither overflows. */
    private static FloatVector sigmoid(FloatVector z) {
        FloatVector e = Exp.exp(z.abs().neg());
        FloatVector top = Lanes.all(1).blend(e, z.lt(0));
        return top.div(e.add(1));
    }

    private static FloatVector load(float[] values, int at) {
        return FloatVector.fromArray(Lanes.F, values, at);
    }
}
