package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.lowrank.kernels.Activation;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * {@code f(gate) * up} of BF16 elements and its gradients, some at a time: by machine code ({@link GateCode}) where it is SiLU and
 * the processor rounds to BF16. An instance belongs to one thread.
 */
final class HalfGate {
    private static final int BLOCK = Stretch.BLOCK; // A multiple of every vector's width.

    private static final Optional<MachineCode> FORWARD = MachineCode.ofVectors(GateCode.forward());
    private static final Optional<MachineCode> BACKWARD = MachineCode.ofVectors(GateCode.backward());
    private static final int STEP = 32;

    private final MemorySegment arguments = Arena.ofAuto().allocate(GateCode.BYTES, 64);
    private final float[] z = new float[BLOCK];
    private final float[] y = new float[BLOCK];
    private final float[] slope = new float[BLOCK];
    private final float[] d = new float[BLOCK];
    private final float[] u = new float[BLOCK];

    HalfGate() {
        for (int i = 0; i < HalfSigmoid.CONSTANTS.length; i++) {
            arguments.set(JAVA_FLOAT, GateCode.CONSTANTS + (long) i * Float.BYTES, HalfSigmoid.CONSTANTS[i]);
        }
        arguments.set(JAVA_INT, GateCode.CONTROL, Assembler.FLUSHING);
    }

    private void place(int place, MemorySegment data, long at) {
        arguments.set(JAVA_LONG, place, data.address() + at * Short.BYTES);
    }

    /** {@code out = f(gate) * up} for the n elements from {@code at} on; out may be either operand. */
    void forward(Activation activation, MemorySegment gate, MemorySegment up, MemorySegment out, long at, long n) {
        long coded = activation == Activation.SILU && FORWARD.isPresent() ? n / STEP * STEP : 0;
        if (coded > 0) {
            place(GateCode.GATE, gate, at);
            place(GateCode.UP, up, at);
            place(GateCode.OUT, out, at);
            arguments.set(JAVA_LONG, GateCode.STEPS, coded / STEP);
            FORWARD.orElseThrow().call(arguments.address());
        }
        Stretch.blocks(at + coded, at + n, (i, count) -> {
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
        if (activation == Activation.SILU) {
            HalfSigmoid.silu(z, y, n);
        } else {
            Curves.values(activation, z, y, n);
        }
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
        long coded = activation == Activation.SILU && BACKWARD.isPresent() ? n / STEP * STEP : 0;
        if (coded > 0) {
            place(GateCode.GATE, gate, at);
            place(GateCode.UP, up, at);
            place(GateCode.D_OUT, dOut, at);
            place(GateCode.OUT, dGate, at);
            place(GateCode.D_UP, dUp, at);
            arguments.set(JAVA_LONG, GateCode.STEPS, coded / STEP);
            BACKWARD.orElseThrow().call(arguments.address());
        }
        Stretch.blocks(at + coded, at + n, (i, count) -> {
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
        if (activation == Activation.SILU) {
            HalfSigmoid.silu(z, y, slope, n);
        } else {
            Curves.slopes(activation, z, y, slope, n);
        }
        for (int i = 0; i < n; i++) {
            u[i] = d[i] * u[i] * slope[i];
            d[i] *= y[i];
        }
        new Floats(dGate, true).write(u, 0, at, n);
        new Floats(dUp, true).write(d, 0, at, n);
    }
}
