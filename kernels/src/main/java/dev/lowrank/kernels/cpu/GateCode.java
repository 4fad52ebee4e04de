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
 * takes ten instructions of compiled Java. Steps are of 32 elements. The arithmetic is {@link SiluCode}'s.
 */
final class GateCode {
    // Places in the memory that the code's argument points to: addresses and a count of 64 bits, then fp32 numbers.
    static final int GATE = 0;
    static final int UP = 8;
    static final int D_OUT = 16;
    static final int OUT = 24; // f(gate) * up, or the gate's gradient
    static final int D_UP = 32;
    static final int STEPS = 40;
    static final int CONTROL = 48; // of 32 bits
    private static final int CONTROL_BEFORE = 52;
    static final int CONSTANTS = 64; // HalfSigmoid.CONSTANTS
    static final int BYTES = 128;

    private static final int STEP = 64; // bytes
    private static final int VECTOR = 32; // bytes of 16 elements
    private static final int VECTORS = 2; // of a step

    private final Assembler code = new Assembler();
    private final SiluCode silu = new SiluCode(code);

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
        code.storeControl(RDI, CONTROL_BEFORE);
        code.loadControl(RDI, CONTROL);
        silu.constants(RDI, CONSTANTS);
        int[] places = {GATE, UP, OUT, D_OUT, D_UP};
        int[] pointers = {RAX, RDX, RSI, R8, R9};
        int used = backward ? 5 : 3;
        for (int i = 0; i < used; i++) {
            code.load(pointers[i], RDI, places[i]);
        }
        code.load(RCX, RDI, STEPS);
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        if (backward) {
            gradients();
        } else {
            values();
        }
        for (int i = 0; i < used; i++) {
            code.add(pointers[i], STEP);
        }
        code.decrement(RCX);
        code.jumpIfNotZero(next);
        code.loadControl(RDI, CONTROL_BEFORE);
        code.zeroUpperHalves();
        code.ret();
    }

    private void values() {
        for (int v = 0; v < VECTORS; v++) {
            code.widenHalves(SiluCode.z(v), RAX, v * VECTOR);
        }
        silu.values(VECTORS);
        for (int v = 0; v < VECTORS; v++) {
            code.widenHalves(SiluCode.free(v), RDX, v * VECTOR);
            code.multiplyFloats(SiluCode.silu(v), SiluCode.silu(v), SiluCode.free(v));
        }
        store(RSI, SiluCode.silu(0), SiluCode.silu(1));
    }

    private void gradients() {
        for (int v = 0; v < VECTORS; v++) {
            code.widenHalves(SiluCode.z(v), RAX, v * VECTOR);
        }
        silu.slopes(VECTORS);
        for (int v = 0; v < VECTORS; v++) {
            int d = SiluCode.free(v);
            int up = SiluCode.z(v);
            code.widenHalves(d, R8, v * VECTOR);
            code.multiplyFloats(SiluCode.silu(v), d, SiluCode.silu(v));
            code.widenHalves(up, RDX, v * VECTOR);
            code.multiplyFloats(d, d, up);
            code.multiplyFloats(SiluCode.slope(v), d, SiluCode.slope(v));
        }
        store(RSI, SiluCode.slope(0), SiluCode.slope(1));
        store(R9, SiluCode.silu(0), SiluCode.silu(1));
    }

    private void store(int base, int lower, int upper) {
        code.narrow(lower, upper, lower);
        code.storeFloats(base, 0, 0, lower);
    }
}
