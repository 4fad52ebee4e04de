package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Activation;
import java.lang.foreign.MemorySegment;

/** {@code f(gate) * up} of BF16 elements and its gradients, some at a time. An instance belongs to one thread. */
final class HalfGate {
    private static final int BLOCK = Stretch.BLOCK; // A multiple of every vector's width.

    private final float[] z = new float[BLOCK];
    private final float[] y = new float[BLOCK];
    private final float[] slope = new float[BLOCK];
    private final float[] d = new float[BLOCK];
    private final float[] u = new float[BLOCK];

    /** {@code out = f(gate) * up} for the n elements from {@code at} on; out may be either operand. */
    void forward(Activation activation, MemorySegment gate, MemorySegment up, MemorySegment out, long at, long n) {
        Stretch.blocks(at, at + n, (i, count) -> {
            int done = activation == Activation.SILU ? Lanes.whole(count) : 0;
            Curves.gateBySiluInHalf(gate, up, out, i, done);
            if (done < count) {
                values(activation, gate, up, out, i + done, count - done);
            }
        });
    }

    private void values(
            Activation activation, MemorySegment gate, MemorySegment up, MemorySegment out, long at, int n) {
        new Floats(gate, true).read(at, z, 0, n);
        new Floats(up, true).read(at, u, 0, n);
        Curves.values(activation, z, y, n);
        for (int i = 0; i < n; i++) {
            y[i] *= u[i];
        }
        new Floats(out, true).write(y, 0, at, n);
    }

    /** {@code dUp = dOut * f(gate)} and {@code dGate = dOut * up * f'(gate)}; either may be any of the operands. */
    void backward(
            Activation activation,
            MemorySegment dOut,
            MemorySegment gate,
            MemorySegment up,
            MemorySegment dGate,
            MemorySegment dUp,
            long at,
            long n) {
        Stretch.blocks(at, at + n, (i, count) -> {
            int done = activation == Activation.SILU ? Lanes.whole(count) : 0;
            Curves.sigmoidsOfHalf(gate, i, y, done);
            Curves.gateBySiluBackwardInHalf(dOut, gate, y, up, dGate, dUp, i, done);
            if (done < count) {
                slopes(activation, dOut, gate, up, dGate, dUp, i + done, count - done);
            }
        });
    }

    private void slopes(
            Activation activation,
            MemorySegment dOut,
            MemorySegment gate,
            MemorySegment up,
            MemorySegment dGate,
            MemorySegment dUp,
            long at,
            int n) {
        new Floats(gate, true).read(at, z, 0, n);
        new Floats(up, true).read(at, u, 0, n);
        new Floats(dOut, true).read(at, d, 0, n);
        Curves.slopes(activation, z, y, slope, n);
        for (int i = 0; i < n; i++) {
            u[i] *= d[i] * slope[i];
            d[i] *= y[i];
        }
        new Floats(dGate, true).write(u, 0, at, n);
        new Floats(dUp, true).write(d, 0, at, n);
    }
}
