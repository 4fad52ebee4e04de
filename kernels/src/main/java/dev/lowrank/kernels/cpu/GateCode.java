package dev.lowrank.kernels.cpu;

import static dev.lowrank.kernels.cpu.Assembler.R8;
import static dev.lowrank.kernels.cpu.Assembler.R9;
import static dev.lowrank.kernels.cpu.Assembler.RAX;
import static dev.lowrank.kernels.cpu.Assembler.RCX;
import static dev.lowrank.kernels.cpu.Assembler.RDI;
import static dev.lowrank.kernels.cpu.Assembler.RDX;
import static dev.lowrank.kernels.cpu.Assembler.RSI;

/**
 * The machine code of {@link HalfGate} for SiLU: a loop of so many vectors is no longer compiled whole, and rounding to BF16
 * takes ten instructions of compiled Java. Steps are of 32 elements. The arithmetic is that of {@link Curves}, to the bit.
 */
final class GateCode {
    // Places in the memory that the code's argument points to: addresses and a count of 64 bits, then fp32 numbers.
    static final int GATE = 0;
    static final int UP = 8;
    static final int D_OUT = 16;
    static final int OUT = 24; // f(gate) * up, or the gate's gradient
    static final int D_UP = 32;
    static final int STEPS = 40;
    static final int CONSTANTS = 64; // Exp.CONSTANTS
    static final int BYTES = 128;

    private static final int STEP = 64; // bytes
    private static final int VECTOR = 32; // bytes of 16 elements

    private static final int ZERO = 28; // a vector that stays, behind the exponential's constants
    private static final int NEGATIVE = 2; // a mask

    private final Assembler code = new Assembler();

    private GateCode() {}

    /** {@code out = silu(gate) * up}. */
    static byte[] forward() {
        GateCode gate = new GateCode();
        gate.write(false);
        return gate.code.code();
    }

    /** {@code dUp = dOut * silu(gate)} and {@code dGate = dOut * up * silu'(gate)}. */
    static byte[] backward() {
        GateCode gate = new GateCode();
        gate.write(true);
        return gate.code.code();
    }

    private void write(boolean backward) {
        ExpCode.constants(code, RDI, CONSTANTS);
        code.subtractFloats(ZERO, ExpCode.ONE, ExpCode.ONE);
        int[] places = {GATE, UP, OUT, D_OUT, D_UP};
        int[] pointers = {RAX, RDX, RSI, R8, R9};
        int used = backward ? 5 : 3;
        for (int i = 0; i < used; i++) {
            code.load(pointers[i], RDI, places[i]);
        }
        code.load(RCX, RDI, STEPS);
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        for (int half = 0; half < 2; half++) {
            if (backward) {
                gradients(half);
            } else {
                values(half);
            }
        }
        code.narrow(0, 1, 0);
        code.storeFloats(RSI, 0, 0, 0);
        if (backward) {
            code.narrow(2, 3, 2);
            code.storeFloats(R9, 0, 0, 2);
        }
        for (int i = 0; i < used; i++) {
            code.add(pointers[i], STEP);
        }
        code.decrement(RCX);
        code.jumpIfNotZero(next);
        code.zeroUpperHalves();
        code.ret();
    }

    /** To vector 0 or 1. */
    private void values(int half) {
        int z = 4;
        int s = 5;
        int up = 6;
        halves(z, RAX, half);
        halves(up, RDX, half);
        sigmoid(s, z);
        code.multiplyFloats(s, z, s);
        code.multiplyFloats(half, s, up);
    }

    /** The gate's to vector 0 or 1, up's to 2 or 3: {@code silu'(z) = s (1 + z (1 - s))}. */
    private void gradients(int half) {
        int z = 4;
        int s = 5;
        int up = 6;
        int d = 7;
        halves(z, RAX, half);
        halves(up, RDX, half);
        halves(d, R8, half);
        sigmoid(s, z);
        code.multiplyFloats(2 + half, z, s);
        code.multiplyFloats(2 + half, d, 2 + half);
        int slope = 8;
        code.subtractFloats(slope, ExpCode.ONE, s);
        code.multiplyAdd(slope, z, ExpCode.ONE);
        code.multiplyFloats(slope, s, slope);
        code.multiplyFloats(d, d, up);
        code.multiplyFloats(half, d, slope);
    }

    private void halves(int to, int base, int half) {
        code.widenWords(to, base, half * VECTOR, 0);
        code.shiftLeft(to, 16);
    }

    /** {@code to = 1 / (1 + e^-z)}, as {@link Curves} has it; the vectors from 9 on are worked with. */
    private void sigmoid(int to, int z) {
        int x = 9; // -|z|
        int e = 13;
        code.subtractFloats(x, ZERO, z);
        code.smaller(x, x, z);
        ExpCode.exp(code, e, x, 10);
        code.below(NEGATIVE, z, ZERO);
        code.choose(to, NEGATIVE, e, ExpCode.ONE);
        code.addFloats(e, e, ExpCode.ONE);
        code.divideFloats(to, to, e);
    }
}
