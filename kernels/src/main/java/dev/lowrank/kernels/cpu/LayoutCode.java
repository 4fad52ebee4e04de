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

import java.util.function.IntConsumer;

/**
 * The machine code of {@link Bf16Layout}. Rows of BF16 elements are read where they lie, so many bytes apart, in blocks of 32 by 32
 * elements: each is 16 by 16 words of 32 bits, twice.
 */
final class LayoutCode {
    private static final int SIZE = 16; // of a square of words
    private static final int VECTOR = 64; // bytes
    private static final int BLOCK = 2048; // bytes
    static final int RESULTS = 18;

    // Vectors that transposing overwrites.
    private static final int WORDS = 30;
    private static final int SCALE = 31;

    // Places of constants in bytes.
    static final int ORDER = 0; // of words, so that two halves become pairs; 64 bytes
    static final int FACTOR = 64;
    static final int CONSTANTS = 128;

    private static final int EVEN = 0b10_00_10_00; // quarters
    private static final int ODD = 0b11_01_11_01;

    private final Assembler code = new Assembler();

    /**
     * {@code f(source, stride, target, columnBlocks, rowBlocks)}: rows become columns of a packed matrix, whose blocks lie one
     * after the other, those of the first 32 rows first.
     */
    static byte[] columns() {
        LayoutCode layout = new LayoutCode();
        layout.writeColumns();
        return layout.code.code();
    }

    /** {@code f(source, stride, target, pairs)}: 32 columns of rows become a packed matrix. */
    static byte[] rows() {
        LayoutCode layout = new LayoutCode();
        layout.writeRows();
        return layout.code.code();
    }

    /** {@code f(source, stride, target, targetStride, rowBlocks)}: 32 columns of rows become rows. */
    static byte[] turned() {
        LayoutCode layout = new LayoutCode();
        layout.writeTurned();
        return layout.code.code();
    }

    /**
     * {@code f(source, stride, target, targetStride, keyBlocks, constants)}: 32 rows of fp32 numbers, times a factor and rounded, become
     * columns of as many rows as there are keys, which come in blocks of 16. Constants are at {@link #ORDER} and {@link #FACTOR}.
     */
    static byte[] rounded() {
        LayoutCode layout = new LayoutCode();
        layout.writeRounded();
        return layout.code.code();
    }

    private void writeColumns() {
        code.mov(R10, RSI);
        code.shiftUp(R10, 4); // 16 rows
        Assembler.Label nextRows = new Assembler.Label();
        Assembler.Label nextColumns = new Assembler.Label();
        code.bind(nextRows);
        code.mov(R9, RCX);
        code.mov(R11, RDI);
        code.bind(nextColumns);
        code.mov(RAX, R11);
        for (int half = 0; half < 2; half++) {
            for (int row = 0; row < SIZE; row++) {
                code.loadFloats(row, RAX, 0);
                code.addRegister(RAX, RSI);
            }
            int to = half * VECTOR;
            transpose(code, word -> {
                for (int i = 0; i < 4; i++) {
                    code.storeFloats(RDX, to + (word + 4 * i) * 2 * VECTOR, 0, RESULTS + i);
                }
            });
        }
        code.add(R11, VECTOR);
        code.add(RDX, BLOCK);
        code.decrement(R9);
        code.jumpIfNotZero(nextColumns);
        code.addRegister(RDI, R10);
        code.addRegister(RDI, R10);
        code.decrement(R8);
        code.jumpIfNotZero(nextRows);
        code.zeroUpperHalves();
        code.ret();
    }

    private void writeRows() {
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        code.loadFloats(0, RDI, 0);
        code.addRegister(RDI, RSI);
        code.loadFloats(1, RDI, 0);
        code.addRegister(RDI, RSI);
        code.lowerWords(2, 0, 1);
        code.upperWords(3, 0, 1);
        for (int half = 0; half < 2; half++) {
            code.quarters(4, 2, 3, half == 0 ? 0b01_00_01_00 : 0b11_10_11_10);
            code.quarters(4, 4, 4, 0b11_01_10_00);
            code.storeFloats(RDX, half * VECTOR, 0, 4);
        }
        code.add(RDX, 2 * VECTOR);
        code.decrement(RCX);
        code.jumpIfNotZero(next);
        code.zeroUpperHalves();
        code.ret();
    }

    private void writeTurned() {
        code.mov(R10, RCX);
        code.shiftUp(R10, 3); // 8 rows of the target
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        code.mov(R9, RDX);
        for (int half = 0; half < 2; half++) {
            code.mov(RAX, RDI);
            for (int pair = 0; pair < SIZE; pair++) {
                code.loadFloats(pair, RAX, 0);
                code.addRegister(RAX, RSI);
                code.loadFloats(SIZE, RAX, 0);
                code.addRegister(RAX, RSI);
                if (half == 0) {
                    code.lowerWords(pair, pair, SIZE);
                } else {
                    code.upperWords(pair, pair, SIZE);
                }
            }
            // Quarters hold columns 0 to 3 of each eight, then 4 to 7: word 4 i + j is column 8 i + j.
            transpose(code, word -> storeRows());
        }
        code.mov(RDI, RAX);
        code.add(RDX, VECTOR);
        code.decrement(R8);
        code.jumpIfNotZero(next);
        code.zeroUpperHalves();
        code.ret();
    }

    /** Results as four rows, r10 bytes apart, of which the first is at r9; and r9 becomes the next row. */
    private void storeRows() {
        code.mov(R11, R9);
        for (int i = 0; i < 4; i++) {
            code.storeFloats(R11, 0, 0, RESULTS + i);
            code.addRegister(R11, R10);
        }
        code.addRegister(R9, RCX);
    }

    private void writeRounded() {
        code.push(RBX);
        code.mov(RBX, R9);
        code.mov(R10, RCX);
        code.shiftUp(R10, 2); // 4 rows of the target
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        code.loadFloats(WORDS, RBX, ORDER);
        code.spread(SCALE, RBX, FACTOR);
        code.mov(RAX, RDI);
        for (int pair = 0; pair < SIZE; pair++) {
            for (int i = 0; i < 2; i++) {
                code.loadFloats(SIZE + i, RAX, 0);
                code.multiplyFloats(SIZE + i, SIZE + i, SCALE);
                code.addRegister(RAX, RSI);
            }
            code.narrow(pair, SIZE + 1, SIZE);
            code.permuteWords(pair, WORDS, pair);
        }
        code.mov(R9, RDX);
        transpose(code, word -> storeRows()); // Word 4 i + j is key 4 i + j.
        code.add(RDI, VECTOR);
        code.mov(RDX, R11);
        code.addRegister(RDX, RCX);
        code.subtract(RDX, R10);
        code.decrement(R8);
        code.jumpIfNotZero(next);
        code.zeroUpperHalves();
        code.pop(RBX);
        code.ret();
    }

    /**
     * Transposes the vectors 0 to 15, each one row of words; they are lost. Words j, 4 + j, 8 + j and 12 + j of all rows go to the vectors from
     * {@link #RESULTS} on and are then to be stored, for j from 0 to 3.
     */
    static void transpose(Assembler code, IntConsumer store) {
        for (int i = 0; i < SIZE; i += 2) {
            code.lowerInts(SIZE + i, i, i + 1);
            code.upperInts(SIZE + i + 1, i, i + 1);
        }
        for (int i = 0; i < SIZE; i += 4) {
            for (int half = 0; half < 2; half++) {
                code.lowerLongs(i + 2 * half, SIZE + i + half, SIZE + i + half + 2);
                code.upperLongs(i + 2 * half + 1, SIZE + i + half, SIZE + i + half + 2);
            }
        }
        // Quarter q of vector 4 i + j is now word 4 q + j of rows 4 i to 4 i + 3.
        for (int word = 0; word < 4; word++) {
            for (int q = 0; q < 2; q++) {
                int order = q == 0 ? EVEN : ODD;
                code.quarters(SIZE, word, 4 + word, order);
                code.quarters(SIZE + 1, 8 + word, 12 + word, order);
                code.quarters(RESULTS + q, SIZE, SIZE + 1, EVEN);
                code.quarters(RESULTS + q + 2, SIZE, SIZE + 1, ODD);
            }
            store.accept(word);
        }
    }
}
