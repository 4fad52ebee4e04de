package dev.lowrank.kernels.cpu;

import static dev.lowrank.kernels.cpu.Assembler.R8;
import static dev.lowrank.kernels.cpu.Assembler.R9;
import static dev.lowrank.kernels.cpu.Assembler.RCX;
import static dev.lowrank.kernels.cpu.Assembler.RDI;
import static dev.lowrank.kernels.cpu.Assembler.RDX;
import static dev.lowrank.kernels.cpu.Assembler.RSI;

/**
 * The machine code of {@link FactorBlocks}: rows of up to 32 fp32 numbers, so many bytes apart, times a factor and rounded, become a
 * block of a packed matrix, or half of one. Only what is there is read, the rest is zero.
 */
final class FactorCode {
    // Places of constants in bytes.
    static final int ORDER = 0; // of words, so that two halves become pairs; 64 bytes
    static final int FACTOR = 64;
    static final int LOWER = 68; // masks of the columns that are there
    static final int UPPER = 72;
    static final int CONSTANTS = 128;

    private static final int SIZE = 16; // of a square of words
    private static final int VECTOR = 64; // bytes
    private static final int ROW = 2 * VECTOR; // of a block: a pair of its rows

    // Masks.
    private static final int LOWER_COLUMNS = 1;
    private static final int UPPER_COLUMNS = 2;

    // Vectors that transposing overwrites.
    private static final int ZERO = 29;
    private static final int WORDS = 30;
    private static final int SCALE = 31;

    private final Assembler code = new Assembler();

    /** {@code f(source, stride, target, pairs, constants, missing)}: rows become rows, by pairs; those that are missing are zero. */
    static byte[] rows() {
        FactorCode factor = new FactorCode();
        factor.writeRows();
        return factor.code.code();
    }

    /** {@code f(source, stride, target, rows, constants)}: up to 16 rows become 16 columns. */
    static byte[] columns() {
        FactorCode factor = new FactorCode();
        factor.writeColumns();
        return factor.code.code();
    }

    private void begin() {
        code.loadMask(LOWER_COLUMNS, R8, LOWER);
        code.loadMask(UPPER_COLUMNS, R8, UPPER);
        code.spread(SCALE, R8, FACTOR);
    }

    private void end() {
        code.zeroUpperHalves();
        code.ret();
    }

    private void load(int to, int displacement, int mask) {
        code.loadFloats(to, RDI, displacement, mask);
        code.multiplyFloats(to, to, SCALE);
    }

    private void writeRows() {
        Assembler.Label next = new Assembler.Label();
        Assembler.Label blank = new Assembler.Label();
        Assembler.Label done = new Assembler.Label();
        begin();
        code.loadFloats(WORDS, R8, ORDER);
        code.zero(ZERO);
        code.bind(next);
        for (int row = 0; row < 2; row++) {
            load(row, 0, LOWER_COLUMNS);
            load(2 + row, VECTOR, UPPER_COLUMNS);
            code.addRegister(RDI, RSI);
        }
        for (int half = 0; half < 2; half++) {
            code.narrow(2 * half, 2 * half + 1, 2 * half);
            code.permuteWords(2 * half, WORDS, 2 * half);
            code.storeFloats(RDX, half * VECTOR, 0, 2 * half);
        }
        code.add(RDX, ROW);
        code.decrement(RCX);
        code.jumpIfNotZero(next);
        code.test(R9);
        code.jumpIfZero(done);
        code.bind(blank);
        code.storeFloats(RDX, 0, 0, ZERO);
        code.storeFloats(RDX, VECTOR, 0, ZERO);
        code.add(RDX, ROW);
        code.decrement(R9);
        code.jumpIfNotZero(blank);
        code.bind(done);
        end();
    }

    private void writeColumns() {
        Assembler.Label there = new Assembler.Label();
        begin();
        for (int row = 0; row < SIZE; row++) {
            code.zero(row);
        }
        for (int row = 0; row < SIZE; row++) {
            load(SIZE, 0, LOWER_COLUMNS);
            load(SIZE + 1, VECTOR, UPPER_COLUMNS);
            code.narrow(row, SIZE + 1, SIZE);
            code.addRegister(RDI, RSI);
            code.decrement(RCX);
            code.jumpIfZero(there);
        }
        code.bind(there);
        LayoutCode.transpose(code, word -> {
            for (int i = 0; i < 4; i++) {
                code.storeFloats(RDX, (word + 4 * i) * ROW, 0, LayoutCode.RESULTS + i);
            }
        });
        end();
    }
}
