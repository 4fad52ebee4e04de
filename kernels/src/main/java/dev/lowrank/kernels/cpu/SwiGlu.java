package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** The gated activation {@code silu(gate) * up}. */
final class SwiGlu {
    private final Team team;

    SwiGlu(Team team) {
        this.team = team;
    }

    void forward(Tensor gate, Tensor up, Tensor out) {
        Shapes.floats("swiGlu gate", gate);
        Shapes.floats("swiGlu up", up, gate.size());
        Shapes.floats("swiGlu out", out, gate.size());
        team.elements(gate.size(), (from, to) -> forward(gate.data(), up.data(), out.data(), from, to));
    }

    /**
     * Derivation: with {@code s = 1 / (1 + e^-z)}, {@code s' = s (1 - s)}, so
     * {@code silu'(z) = (z s)' = s + z s (1 - s) = s (1 + z (1 - s))}. Hence {@code dUp = dOut * z s} and
     * {@code dGate = dOut * up * s (1 + z (1 - s))}.
     */
    void backward(Tensor dOut, Tensor gate, Tensor up, Tensor dGate, Tensor dUp) {
        Shapes.floats("swiGluBackward dOut", dOut);
        long size = dOut.size();
        Shapes.floats("swiGluBackward gate", gate, size);
        Shapes.floats("swiGluBackward up", up, size);
        Shapes.floats("swiGluBackward dGate", dGate, size);
        Shapes.floats("swiGluBackward dUp", dUp, size);
        team.elements(
                size, (from, to) -> backward(dOut.data(), gate.data(), up.data(), dGate.data(), dUp.data(), from, to));
    }

    private static void forward(MemorySegment gate, MemorySegment up, MemorySegment out, long from, long to) {
        long whole = Lanes.whole(from, to);
        for (long i = from; i < whole; i += Lanes.WIDTH) {
            FloatVector z = Lanes.load(gate, i);
            Lanes.store(z.mul(sigmoid(z)).mul(Lanes.load(up, i)), out, i);
        }
        for (long i = whole; i < to; i++) {
            float z = Lanes.get(gate, i);
            Lanes.set(out, i, z * sigmoid(z) * Lanes.get(up, i));
        }
    }

    private static void backward(
            MemorySegment dOut,
            MemorySegment gate,
            MemorySegment up,
            MemorySegment dGate,
            MemorySegment dUp,
            long from,
            long to) {
        long whole = Lanes.whole(from, to);
        for (long i = from; i < whole; i += Lanes.WIDTH) {
            FloatVector d = Lanes.load(dOut, i);
            FloatVector z = Lanes.load(gate, i);
            FloatVector u = Lanes.load(up, i);
            FloatVector s = sigmoid(z);
            FloatVector slope = s.mul(z.fma(Lanes.all(1).sub(s), Lanes.all(1)));
            Lanes.store(d.mul(u).mul(slope), dGate, i);
            Lanes.store(d.mul(z.mul(s)), dUp, i);
        }
        for (long i = whole; i < to; i++) {
            float d = Lanes.get(dOut, i);
            float z = Lanes.get(gate, i);
            float u = Lanes.get(up, i);
            float s = sigmoid(z);
            float slope = s * Math.fma(z, 1 - s, 1);
            Lanes.set(dGate, i, d * u * slope);
            Lanes.set(dUp, i, d * (z * s));
        }
    }

    /** {@code 1 / (1 + e^-z)}; with {@code e = e^-|z|}, {@code 1 / (1 + e)} or {@code e / (1 + e)}, neither overflows. */
    private static FloatVector sigmoid(FloatVector z) {
        FloatVector e = Exp.exp(z.abs().neg());
        FloatVector top = Lanes.all(1).blend(e, z.lt(0));
        return top.div(e.add(1));
    }

    private static float sigmoid(float z) {
        float e = Exp.exp(-Math.abs(z));
        return (z < 0 ? e : 1) / (e + 1);
    }
}
