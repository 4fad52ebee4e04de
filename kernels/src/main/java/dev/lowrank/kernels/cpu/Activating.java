package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Activation;
import dev.lowrank.kernels.Tensor;
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
        Shapes.reals("gated gate", gate);
        Shapes.reals("gated up", up, gate.size());
        Shapes.reals("gated out", out, gate.size());
        Floats gates = Floats.of(gate);
        Floats ups = Floats.of(up);
        Floats outs = Floats.of(out);
        team.elements(gate.size(), (from, to) -> {
            float[] z = new float[BLOCK];
            float[] y = new float[BLOCK];
            // The commonest of all is worth a loop that needs no blocks, a third faster; they do what it leaves over.
            long begin = activation == Activation.SILU ? Curves.gateBySilu(gates, ups, outs, from, to) : from;
            for (long at = begin; at < to; at += BLOCK) {
                int n = read(gates, at, to, z);
                Curves.values(activation, z, y, n);
                multiply(y, ups, outs, at, n);
            }
        });
    }

    /** From {@code out = f(gate) * up}: {@code dUp = dOut * f(gate)} and {@code dGate = dOut * up * f'(gate)}. */
    void gatedBackward(Activation activation, Tensor dOut, Tensor gate, Tensor up, Tensor dGate, Tensor dUp) {
        Shapes.reals("gatedBackward dOut", dOut);
        long size = dOut.size();
        Shapes.reals("gatedBackward gate", gate, size);
        Shapes.reals("gatedBackward up", up, size);
        Shapes.reals("gatedBackward dGate", dGate, size);
        Shapes.reals("gatedBackward dUp", dUp, size);
        Floats gradients = Floats.of(dOut);
        Floats gates = Floats.of(gate);
        Floats ups = Floats.of(up);
        Floats dGates = Floats.of(dGate);
        Floats dUps = Floats.of(dUp);
        team.elements(size, (from, to) -> {
            float[] z = new float[BLOCK];
            float[] y = new float[BLOCK];
            float[] slope = new float[BLOCK];
            for (long at = from; at < to; at += BLOCK) {
                int n = read(gates, at, to, z);
                Curves.slopes(activation, z, y, slope, n);
                split(gradients, ups, y, slope, dGates, dUps, at, n);
            }
        });
    }

    void forward(Activation activation, Tensor x, Tensor out) {
        Shapes.reals("activation x", x);
        Shapes.reals("activation out", out, x.size());
        Floats in = Floats.of(x);
        Floats outs = Floats.of(out);
        team.elements(x.size(), (from, to) -> {
            float[] z = new float[BLOCK];
            float[] y = new float[BLOCK];
            for (long at = from; at < to; at += BLOCK) {
                int n = read(in, at, to, z);
                Curves.values(activation, z, y, n);
                outs.write(y, 0, at, n);
            }
        });
    }

    /** From {@code out = f(x)}: {@code dX = dOut * f'(x)}. */
    void backward(Activation activation, Tensor dOut, Tensor x, Tensor dX) {
        Shapes.reals("activationBackward dOut", dOut);
        Shapes.reals("activationBackward x", x, dOut.size());
        Shapes.reals("activationBackward dX", dX, dOut.size());
        Floats gradients = Floats.of(dOut);
        Floats in = Floats.of(x);
        Floats dXs = Floats.of(dX);
        team.elements(dOut.size(), (from, to) -> {
            float[] z = new float[BLOCK];
            float[] y = new float[BLOCK];
            float[] slope = new float[BLOCK];
            for (long at = from; at < to; at += BLOCK) {
                int n = read(in, at, to, z);
                Curves.slopes(activation, z, y, slope, n);
                multiply(slope, gradients, dXs, at, n);
            }
        });
    }

    /** Reads a block from {@code at} on, at most to {@code end}; returns its length. */
    private static int read(Floats tensor, long at, long end, float[] block) {
        int n = (int) Math.min(BLOCK, end - at);
        tensor.read(at, block, 0, n);
        return n;
    }

    /** {@code out = block * y} for the n elements from {@code at} on. */
    private static void multiply(float[] block, Floats y, Floats out, long at, int n) {
        int whole = Lanes.whole(n);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            FloatVector product = FloatVector.fromArray(Lanes.F, block, i).mul(y.load(at + i));
            out.store(product, at + i);
        }
        for (int i = whole; i < n; i++) {
            out.set(at + i, block[i] * y.get(at + i));
        }
    }

    /** {@code dGate = dOut * up * slope} and {@code dUp = dOut * y} for the n elements from {@code at} on. */
    private static void split(
            Floats dOut, Floats up, float[] y, float[] slope, Floats dGate, Floats dUp, long at, int n) {
        int whole = Lanes.whole(n);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            FloatVector d = dOut.load(at + i);
            FloatVector u = up.load(at + i);
            dGate.store(d.mul(u).mul(FloatVector.fromArray(Lanes.F, slope, i)), at + i);
            dUp.store(d.mul(FloatVector.fromArray(Lanes.F, y, i)), at + i);
        }
        for (int i = whole; i < n; i++) {
            float d = dOut.get(at + i);
            float u = up.get(at + i);
            dGate.set(at + i, d * u * slope[i]);
            dUp.set(at + i, d * y[i]);
        }
    }
}
