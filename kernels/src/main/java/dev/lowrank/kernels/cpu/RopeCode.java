package dev.lowrank.kernels.cpu;

import static dev.lowrank.kernels.cpu.Assembler.R10;
import static dev.lowrank.kernels.cpu.Assembler.R11;
import static dev.lowrank.kernels.cpu.Assembler.R8;
import static dev.lowrank.kernels.cpu.Assembler.R9;
import static dev.lowrank.kernels.cpu.Assembler.RAX;
import static dev.lowrank.kernels.cpu.Assembler.RBX;
import static dev.lowrank.kernels.cpu.Assembler.RCX;
import static dev.lowrank.kernels.cpu.Assembler.RDI;
import static dev.lowrank.kernels.cpu.Assembler.RDX;
import static dev.lowrank.kernels.cpu.Assembler.RSI;

/**
 * The machine code of {@link CodedRope}: some rows, one behind the other in memory, are turned where they lie. Sixteen angles of
 * a row serve all its heads before the next sixteen do.
 */
final class RopeCode {
    // Places in the memory that the code's argument points to: addresses and counts of 64 bits, then an fp32 number.
    static final int X = 0; // BF16
    static final int POSITIONS = 8; // I32: one of each row
    static final int COS = 16; // F32, as sin: a row of each position
    static final int SIN = 24;
    static final int ANGLES = 32; // bytes from one position's to the next one's
    static final int ROWS = 40;
    static final int STEPS = 48; // of 16 angles
    static final int HEADS = 56;
    static final int HALF = 64; // bytes from the first of a pair to the second
    static final int WIDTH = 72; // bytes from one head to the next
    static final int REST = 80; // bytes behind those that STEPS go over, to the next row
    static final int SIGN = 88; // of sin
    static final int BYTES = 128;

    private static final int VECTOR = 64; // bytes
    private static final int HALF_VECTOR = 32; // bytes of 16 elements in BF16

    /** Bytes from what is turned to what is asked for: a row of 2048 elements, or some of fewer. */
    private static final int AHEAD = 4096;

    // Vectors.
    private static final int FIRST = 0;
    private static final int SECOND = 1;
    private static final int TURNED_FIRST = 2;
    private static final int TURNED_SECOND = 3;
    private static final int T = 4;
    private static final int C = 5;
    private static final int S = 6;
    private static final int TO_SIN = 7;

    private final Assembler code = new Assembler();

    private RopeCode() {}

    static byte[] turn() {
        RopeCode rope = new RopeCode();
        rope.write();
        return rope.code.code();
    }

    private void write() {
        code.push(RBX);
        code.spread(TO_SIN, RDI, SIGN);
        code.load(R11, RDI, X);
        code.load(RBX, RDI, POSITIONS);
        code.load(R9, RDI, ROWS);
        Assembler.Label nextRow = new Assembler.Label();
        Assembler.Label nextStep = new Assembler.Label();
        Assembler.Label nextHead = new Assembler.Label();
        code.bind(nextRow);
        code.loadInt(RSI, RBX, 0);
        code.multiplyLoaded(RSI, RDI, ANGLES);
        code.mov(R8, RSI);
        code.addLoaded(RSI, RDI, COS);
        code.addLoaded(R8, RDI, SIN);
        code.load(RCX, RDI, STEPS);
        code.bind(nextStep);
        code.loadFloats(C, RSI, 0);
        code.loadFloats(S, R8, 0);
        code.multiplyFloats(S, S, TO_SIN);
        code.mov(RAX, R11);
        code.mov(RDX, R11);
        code.addLoaded(RDX, RDI, HALF);
        code.load(R10, RDI, HEADS);
        code.bind(nextHead);
        writePairs();
        code.addLoaded(RAX, RDI, WIDTH);
        code.addLoaded(RDX, RDI, WIDTH);
        code.decrement(R10);
        code.jumpIfNotZero(nextHead);
        code.add(RSI, VECTOR);
        code.add(R8, VECTOR);
        code.add(R11, HALF_VECTOR);
        code.decrement(RCX);
        code.jumpIfNotZero(nextStep);
        code.addLoaded(R11, RDI, REST);
        code.add(RBX, Integer.BYTES);
        code.decrement(R9);
        code.jumpIfNotZero(nextRow);
        code.zeroUpperHalves();
        code.pop(RBX);
        code.ret();
    }

    /** Sixteen pairs, whose first are at rax and whose second at rdx. */
    private void writePairs() {
        code.prefetch(RAX, AHEAD);
        code.prefetch(RDX, AHEAD);
        code.widenHalves(FIRST, RAX, 0);
        code.widenHalves(SECOND, RDX, 0);
        code.multiplyFloats(TURNED_FIRST, FIRST, C);
        code.multiplyFloats(T, SECOND, S);
        code.subtractFloats(TURNED_FIRST, TURNED_FIRST, T);
        code.multiplyFloats(TURNED_SECOND, SECOND, C);
        code.multiplyFloats(T, FIRST, S);
        code.addFloats(TURNED_SECOND, TURNED_SECOND, T);
        code.narrow(T, TURNED_SECOND, TURNED_FIRST);
        code.storeLower(RAX, 0, T);
        code.storeUpper(RDX, 0, T);
    }
}
