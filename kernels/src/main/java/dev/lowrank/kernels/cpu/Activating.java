package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Activation;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.shapes.ElementwiseShapes;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * Activations of whole tensors, gated by a second tensor or alone. They go block by block through arrays that stay in the
 * nearest cache; the last block is padded to whole vectors, so every element gets the same arithmetic. The gate
 * by SiLU, the commonest of all, has loops that need no arrays: these do what does not fill a vector. {@link HalfGate} gates what is all
 * BF16.
 */
final class Activating {
    private static final int BLOCK = Stretch.BLOCK; // A multiple of every vector's width.

    private final Team team;
    private final HalfGate[] halfGates;

    Activating(Team team) {
        this.team = team;
        this.halfGates = new HalfGate[team.size()];
        Arrays.setAll(halfGates, part -> new HalfGate());
    }

    void gated(Activation activation, Tensor gate, Tensor up, Tensor out) {
        ElementwiseShapes.gated(gate, up, out);
        if (allHalf(gate, up, out)) {
            team.elements(
                    gate.size(),
                    (part, from, to) ->
                            halfGates[part].forward(activation, gate.data(), up.data(), out.data(), from, to - from));
            return;
        }
        Floats gates = Floats.of(gate);
        boolean silu = activation == Activation.SILU;
        team.elements(gate.size(), (part, from, to) -> {
            Stretch[] s = Stretch.of(team, part, BLOCK, gate, up, out);
            MemorySegment u = s[1].memory();
            MemorySegment o = s[2].memory();
            float[] z = new float[BLOCK];
            float[] y = new float[BLOCK];
            Stretch.blocks(from, to, (at, n) -> {
                int done = silu ? Lanes.whole(n) : 0;
                if (silu) {
                    long atGate = s[0].read(at, done);
                    Curves.gateBySilu(s[0].memory(), atGate, u, s[1].read(at, done), o, s[2].place(at), done);
                    s[2].write(at, done);
                }
                if (done < n) {
                    long rest = at + done;
                    int count = n - done;
                    gates.read(rest, z, 0, count);
                    Curves.values(activation, z, y, count);
                    multiply(y, u, s[1].read(rest, count), o, s[2].place(rest), count);
                    s[2].write(rest, count);
                }
            });
        });
    }

    /** From {@code out = f(gate) * up}: {@code dUp = dOut * f(gate)} and {@code dGate = dOut * up * f'(gate)}. */
    void gatedBackward(Activation activation, Tensor dOut, Tensor gate, Tensor up, Tensor dGate, Tensor dUp) {
        ElementwiseShapes.gatedBackward(dOut, gate, up, dGate, dUp);
        long size = dOut.size();
        if (allHalf(dOut, gate, up, dGate, dUp)) {
            team.elements(
                    size,
                    (part, from, to) -> halfGates[part].backward(
                            activation,
                            dOut.data(),
                            gate.data(),
                            up.data(),
                            dGate.data(),
                            dUp.data(),
                            from,
                            to - from));
            return;
        }
        Floats gates = Floats.of(gate);
        boolean silu = activation == Activation.SILU;
        team.elements(size, (part, from, to) -> {
            Stretch[] s = Stretch.of(team, part, BLOCK, dOut, gate, up, dGate, dUp);
            MemorySegment d = s[0].memory();
            MemorySegment g = s[1].memory();
            MemorySegment u = s[2].memory();
            MemorySegment dG = s[3].memory();
            MemorySegment dU = s[4].memory();
            float[] z = new float[BLOCK];
            float[] y = new float[BLOCK];
            float[] slope = new float[BLOCK];
            Stretch.blocks(from, to, (at, n) -> {
                int done = silu ? Lanes.whole(n) : 0;
                if (silu) {
                    long atD = s[0].read(at, done);
                    long atG = s[1].read(at, done);
                    long atU = s[2].read(at, done);
                    Curves.sigmoids(g, atG, y, done);
                    Curves.gateBySiluBackward(d, atD, g, atG, y, u, atU, dG, s[3].place(at), dU, s[4].place(at), done);
                    s[3].write(at, done);
                    s[4].write(at, done);
                }
                if (done < n) {
                    long rest = at + done;
                    int count = n - done;
                    gates.read(rest, z, 0, count);
                    Curves.slopes(activation, z, y, slope, count);
                    long atD = s[0].read(rest, count);
                    long atU = s[2].read(rest, count);
                    split(d, atD, u, atU, y, slope, dG, s[3].place(rest), dU, s[4].place(rest), count);
                    s[3].write(rest, count);
                    s[4].write(rest, count);
                }
            });
        });
    }

    void forward(Activation activation, Tensor x, Tensor out) {
        ElementwiseShapes.activation(x, out);
        Floats in = Floats.of(x);
        Floats outs = Floats.of(out);
        team.elements(x.size(), (from, to) -> {
            float[] z = new float[BLOCK];
            float[] y = new float[BLOCK];
            Stretch.blocks(from, to, (at, n) -> {
                in.read(at, z, 0, n);
                Curves.values(activation, z, y, n);
                outs.write(y, 0, at, n);
            });
        });
    }

    /** From {@code out = f(x)}: {@code dX = dOut * f'(x)}. */
    void backward(Activation activation, Tensor dOut, Tensor x, Tensor dX) {
        ElementwiseShapes.activationBackward(dOut, x, dX);
        Floats in = Floats.of(x);
        team.elements(dOut.size(), (part, from, to) -> {
            Stretch[] s = Stretch.of(team, part, BLOCK, dOut, dX);
            float[] z = new float[BLOCK];
            float[] y = new float[BLOCK];
            float[] slope = new float[BLOCK];
            Stretch.blocks(from, to, (at, n) -> {
                in.read(at, z, 0, n);
                Curves.slopes(activation, z, y, slope, n);
                multiply(slope, s[0].memory(), s[0].read(at, n), s[1].memory(), s[1].place(at), n);
                s[1].write(at, n);
            });
        });
    }

    private static boolean allHalf(Tensor... tensors) {
        boolean all = true;
        for (Tensor tensor : tensors) {
            all &= tensor.dtype() == DType.BF16;
        }
        return all;
    }

    /** {@code out = block * y} for n elements. */
    private static void multiply(float[] block, MemorySegment y, long atY, MemorySegment out, long atOut, int n) {
        int whole = Lanes.whole(n);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            FloatVector product = FloatVector.fromArray(Lanes.F, block, i).mul(Lanes.load(y, atY + i));
            Lanes.store(product, out, atOut + i);
        }
        for (int i = whole; i < n; i++) {
            Lanes.set(out, atOut + i, block[i] * Lanes.get(y, atY + i));
        }
    }

    /** {@code dGate = dOut * up * slope} and {@code dUp = dOut * y} for n elements. */
    private static void split(
            MemorySegment dOut,
            long atD,
            MemorySegment up,
            long atUp,
            float[] y,
            float[] slope,
            MemorySegment dGate,
            long atDGate,
            MemorySegment dUp,
            long atDUp,
            int n) {
        int whole = Lanes.whole(n);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            FloatVector d = Lanes.load(dOut, atD + i);
            FloatVector u = Lanes.load(up, atUp + i);
            Lanes.store(d.mul(u).mul(FloatVector.fromArray(Lanes.F, slope, i)), dGate, atDGate + i);
            Lanes.store(d.mul(FloatVector.fromArray(Lanes.F, y, i)), dUp, atDUp + i);
        }
        for (int i = whole; i < n; i++) {
            float d = Lanes.get(dOut, atD + i);
            float u = Lanes.get(up, atUp + i);
            Lanes.set(dGate, atDGate + i, d * u * slope[i]);
            Lanes.set(dUp, atDUp + i, d * y[i]);
        }
    }
}
