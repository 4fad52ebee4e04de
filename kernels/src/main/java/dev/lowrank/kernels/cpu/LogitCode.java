package dev.lowrank.kernels.cpu;

import static dev.lowrank.kernels.cpu.Assembler.R10;
import static dev.lowrank.kernels.cpu.Assembler.R11;
import static dev.lowrank.kernels.cpu.Assembler.R8;
import static dev.lowrank.kernels.cpu.Assembler.R9;
import static dev.lowrank.kernels.cpu.Assembler.RAX;
import static dev.lowrank.kernels.cpu.Assembler.RCX;
import static dev.lowrank.kernels.cpu.Assembler.RDI;
import static dev.lowrank.kernels.cpu.Assembler.RDX;
import static dev.lowrank.kernels.cpu.Assembler.RSI;

/**
 * The machine code of {@link CodedLogits}. A row of a tile is in the first cache when its exponentials are taken, since its
 * largest logit was looked for just before. Steps are of 32 words. Exponentials leave the memory idle, so what the next product
 * reads is asked for meanwhile.
 */
final class LogitCode {
    // Places in the memory that the code's argument points to: addresses and counts of 64 bits, then fp32 numbers.
    static final int LOGITS = 0;
    static final int STRIDE = 8; // bytes
    static final int ROWS = 16;
    static final int STEPS = 24;
    static final int LARGEST = 32;
    static final int SUMS = 40;
    static final int NEXT = 48; // what is to be brought into the second cache
    static final int ADVANCE = 56; // bytes of it in each step, at most three lines
    static final int CONSTANTS = 64; // Exp.CONSTANTS
    static final int BYTES = 128;

    static final int MOST_AHEAD = 192; // bytes

    private static final int VECTOR = 64; // bytes
    private static final int STEP = 128;

    private static final int MOST = 28;
    private static final int OTHER = 29; // the largest of every second vector
    private static final int SUM = 30;
    private static final int MASK = 1; // of the first of two vectors

    private final Assembler code = new Assembler();

    private LogitCode() {}

    static byte[] pass() {
        LogitCode pass = new LogitCode();
        pass.write();
        return pass.code.code();
    }

    private void write() {
        ExpCode.constants(code, RDI, CONSTANTS);
        code.load(R8, RDI, LOGITS);
        code.load(R9, RDI, ROWS);
        code.load(RSI, RDI, LARGEST);
        code.load(R10, RDI, SUMS);
        code.load(R11, RDI, NEXT);
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        largest();
        exponentials();
        code.add(RSI, Float.BYTES);
        code.add(R10, Float.BYTES);
        code.addLoaded(R8, RDI, STRIDE);
        code.decrement(R9);
        code.jumpIfNotZero(next);
        code.zeroUpperHalves();
        code.ret();
    }

    /** A NaN is passed over here and shows in the sum. */
    private void largest() {
        code.spread(MOST, RSI, 0);
        code.moveFloats(OTHER, MOST);
        steps(() -> {
            for (int i = 0; i < 2; i++) {
                code.loadFloats(i, RAX, i * VECTOR);
                code.larger(MOST + i, i, MOST + i);
            }
        });
        code.larger(MOST, MOST, OTHER);
        for (int by = 8; by > 0; by /= 2) {
            code.rotate(OTHER, MOST, by);
            code.larger(MOST, MOST, OTHER);
        }
        code.storeFirst(RSI, 0, MOST);
    }

    private void exponentials() {
        code.mov(RDX, R8);
        code.subtractFloats(SUM, ExpCode.ONE, ExpCode.ONE);
        steps(() -> {
            for (int line = 0; line < MOST_AHEAD; line += VECTOR) {
                code.prefetch(R11, line);
            }
            code.addLoaded(R11, RDI, ADVANCE);
            for (int v = 0; v < 2; v++) {
                code.loadFloats(2 + v, RAX, v * VECTOR);
                code.subtractFloats(2 + v, 2 + v, MOST);
            }
            ExpCode.exp(code, 2, v -> v, v -> 2 + v, v -> 4 + v, MASK);
            code.addFloats(SUM, SUM, 0);
            code.addFloats(SUM, SUM, 1);
            code.narrow(0, 1, 0);
            code.storeFloats(RDX, 0, 0, 0);
            code.add(RDX, VECTOR);
        });
        code.sumLanes(SUM, 0);
        code.storeFirst(R10, 0, SUM);
    }

    /** Over the row at r8, with rax. */
    private void steps(Runnable step) {
        code.mov(RAX, R8);
        code.load(RCX, RDI, STEPS);
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        step.run();
        code.add(RAX, STEP);
        code.decrement(RCX);
        code.jumpIfNotZero(next);
    }
}
