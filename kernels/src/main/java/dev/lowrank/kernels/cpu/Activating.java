package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.lowrank.kernels.Activation;
import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * Activations of whole tensors, gated by a second tensor or alone. They go block by block through arrays that stay in the
 * nearest cache; the last block is padded to whole vectors, so every element gets the same arithmetic.
 */
final class Activating {
    /** Elements; a multiple of every vector's width. */
    private static final int BLOCK = 512;

    private final Team team;

    Activating(Team team) {
        this.team = team;
    }

    void gated(Activation activation, Tensor gate, Tensor up, Tensor out) {
        Shapes.floats("gated gate", gate);
        Shapes.floats("gated up", up, gate.size());
        Shapes.floats("gated out", out, gate.size());
        team.elements(gate.size(), (from, to) -> {
            float[] z = new float[BLOCK];
            float[] y = new float[BLOCK];
            // The commonest of all is worth a loop that needs no blocks, a third faster; they do what it leaves over.
            long begin = activation == Activation.SILU
                    ? Curves.gateBySilu(gate.data(), up.data(), out.data(), from, to)
                    : from;
            for (long at = begin; at < to; at += BLOCK) {
                int n = read(gate, at, to, z);
                Curves.values(activation, z, y, n);
                multiply(y, up.data(), out.data(), at, n);
            }
        });
    }

    /** From {@code out = f(gate) * up}: {@code dUp = dOut * f(gate)} and {@code dGate = dOut * up * f'(gate)}. */
    void gatedBackward(Activation activation, Tensor dOut, Tensor gate, Tensor up, Tensor dGate, Tensor dUp) {
        Shapes.floats("gatedBackward dOut", dOut);
        long size = dOut.size();
        Shapes.floats("gatedBackward gate", gate, size);
        Shapes.floats("gatedBackward up", up, size);
        Shapes.floats("gatedBackward dGate", dGate, size);
        Shapes.floats("gatedBackward dUp", dUp, size);
        team.elements(size, (from, to) -> {
            float[] z = new float[BLOCK];
            float[] y = new float[BLOCK];
            float[] slope = new float[BLOCK];
            for (long at = from; at < to; at += BLOCK) {
                int n = read(gate, at, to, z);
                Curves.slopes(activation, z, y, slope, n);
                split(dOut.data(), up.data(), y, slope, dGate.data(), dUp.data(), at, n);
            }
        });
    }

    void forward(Activation activation, Tensor x, Tensor out) {
        Shapes.floats("activation x", x);
        Shapes.floats("activation out", out, x.size());
        team.elements(x.size(), (from, to) -> {
            float[] z = new float[BLOCK];
            float[] y = new float[BLOCK];
            for (long at = from; at < to; at += BLOCK) {
                int n = read(x, at, to, z);
                Curves.values(activation, z, y, n);
                MemorySegment.copy(y, 0, out.data(), JAVA_FLOAT, at * Float.BYTES, n);
            }
        });
    }

    /** From {@code out = f(x)}: {@code dX = dOut * f'(x)}. */
    void backward(Activation activation, Tensor dOut, Tensor x, Tensor dX) {
        Shapes.floats("activationBackward dOut", dOut);
        Shapes.floats("activationBackward x", x, dOut.size());
        Shapes.floats("activationBackward dX", dX, dOut.size());
        team.elements(dOut.size(), (from, to) -> {
            float[] z = new float[BLOCK];
            float[] y = new float[BLOCK];
            float[] slope = new float[BLOCK];
            for (long at = from; at < to; at += BLOCK) {
                int n = read(x, at, to, z);
                Curves.slopes(activation, z, y, slope, n);
                multiply(slope, dOut.data(), dX.data(), at, n);
            }
        });
    }

    /** Reads a block from {@code at} on, at most to {@code end}; returns its length. */
    private static int read(Tensor tensor, long at, long end, float[] block) {
        int n = (int) Math.min(BLOCK, end - at);
        MemorySegment.copy(tensor.data(), JAVA_FLOAT, at * Float.BYTES, block, 0, n);
        return n;
    }

    /** {@code out = block * y} for the n elements from {@code at} on. */
    private static void multiply(float[] block, MemorySegment y, MemorySegment out, long at, int n) {
        int whole = Lanes.whole(n);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            FloatVector product = FloatVector.fromArray(Lanes.F, block, i).mul(Lanes.load(y, at + i));
            Lanes.store(product, out, at + i);
        }
        for (int i = whole; i < n; i++) {
            Lanes.set(out, at + i, block[i] * Lanes.get(y, at + i));
        }
    }

    /** {@code dGate = dOut * up * slope} and {@code dUp = dOut * y} for the n elements from {@code at} on. */
    private static void split(
            MemorySegment dOut,
            MemorySegment up,
            float[] y,
            float[] slope,
            MemorySegment dGate,
            MemorySegment dUp,
            long at,
            int n) {
        int whole = Lanes.whole(n);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            FloatVector d = Lanes.load(dOut, at + i);
            FloatVector u = Lanes.load(up, at + i);
            Lanes.store(d.mul(u).mul(FloatVector.fromArray(Lanes.F, slope, i)), dGate, at + i);
            Lanes.store(d.mul(FloatVector.fromArray(Lanes.F, y, i)), dUp, at + i);
        }
        for (int i = whole; i < n; i++) {
            float d = Lanes.get(dOut, at + i);
            float u = Lanes.get(up, at + i);
            Lanes.set(dGate, at + i, d * u * slope[i]);
            Lanes.set(dUp, at + i, d * y[i]);
        }
    }
}
