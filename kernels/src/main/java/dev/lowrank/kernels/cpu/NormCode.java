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
 * The machine code of {@link CodedNorm}: passes over some whole rows, one behind the other in memory. A norm reads a row twice
 * and would wait for the memory in its first pass and compute in its second; so each pass asks for what the next will read.
 * Steps are of 64 columns.
 */
final class NormCode {
    // Places in the memory that the code's argument points to: addresses and counts of 64 bits, then an fp32 number.
    static final int X = 0; // F32
    static final int HALF = 8; // BF16: y or dy
    static final int WEIGHT = 16; // F32
    static final int R = 24; // F32: one of each row
    static final int SUMS = 32; // F32: one of each row; for gradients -r^3 mean
    static final int D_X = 40; // F32
    static final int ROWS = 48;
    static final int STEPS = 56;
    static final int AHEAD = 64; // bytes of x, from these rows to the next
    static final int OFFSET = 72;
    static final int BYTES = 128;

    private static final int VECTOR = 64; // bytes
    private static final int HALF_VECTOR = 32; // bytes of 16 elements in BF16
    private static final int VECTORS = 4; // of a step

    // Vectors that stay.
    private static final int SHIFT = 16; // the offset
    private static final int FACTOR = 17; // r
    private static final int BACK = 18;
    private static final int ACC = 20; // sums
    private static final int W = 8;
    private static final int T = 12;

    private final Assembler code = new Assembler();

    private NormCode() {}

    /** What is done with a row's step: x at rax, BF16 at rdx, the weight at rsi, dx at r10, what is asked for at r11. */
    private interface Step {
        void write(Assembler code);
    }

    /** {@code sum_i x_i^2} of each row. */
    static byte[] squares() {
        return new NormCode()
                .rows(
                        NormCode::clear,
                        c -> {
                            for (int i = 0; i < VECTORS; i++) {
                                c.loadFloats(i, RAX, i * VECTOR);
                                c.addProduct(ACC + i, i, i);
                            }
                        },
                        c -> {
                            c.addFloats(ACC, ACC, ACC + 1);
                            c.addFloats(ACC + 2, ACC + 2, ACC + 3);
                            c.addFloats(ACC, ACC, ACC + 2);
                            c.sumLanes(ACC, 0);
                            c.storeFirst(R9, 0, ACC);
                        });
    }

    /** {@code y = x r (offset + weight)}. */
    static byte[] scaled() {
        return new NormCode()
                .rows(
                        NormCode::factor,
                        c -> {
                            for (int i = 0; i < VECTORS; i++) {
                                c.prefetch(R11, i * VECTOR);
                                c.loadFloats(i, RAX, i * VECTOR);
                                c.multiplyFloats(i, i, FACTOR);
                                c.loadFloats(W, RSI, i * VECTOR);
                                c.addFloats(W, W, SHIFT);
                                c.multiplyFloats(i, i, W);
                            }
                            for (int i = 0; i < VECTORS; i += 2) {
                                c.narrow(i, i + 1, i);
                                c.storeFloats(RDX, i * HALF_VECTOR, 0, i);
                            }
                        },
                        c -> {});
    }

    /** {@code sum_i m_i x_i} of each row, where {@code m = dy (offset + weight)}. */
    static byte[] products() {
        return new NormCode()
                .rows(
                        NormCode::clear,
                        c -> {
                            for (int i = 0; i < VECTORS; i++) {
                                c.prefetch(R10, i * VECTOR);
                                weigh(c, i);
                                c.loadFloats(T, RAX, i * VECTOR);
                                c.addProduct(ACC + i % 2, i, T);
                            }
                        },
                        c -> {
                            c.addFloats(ACC, ACC, ACC + 1);
                            c.sumLanes(ACC, 0);
                            c.storeFirst(R9, 0, ACC);
                        });
    }

    /** {@code dx += m r - x r^3 mean(m x)}. */
    static byte[] gradients() {
        return new NormCode()
                .rows(
                        c -> {
                            factor(c);
                            c.spread(BACK, R9, 0);
                        },
                        c -> {
                            for (int i = 0; i < VECTORS; i++) {
                                c.prefetch(R11, i * VECTOR);
                                weigh(c, i);
                                c.multiplyFloats(i, i, FACTOR);
                                c.loadFloats(T, RAX, i * VECTOR);
                                c.multiplyAdd(T, BACK, i);
                                c.loadFloats(W, R10, i * VECTOR);
                                c.addFloats(T, W, T);
                                c.storeFloats(R10, i * VECTOR, 0, T);
                            }
                        },
                        c -> {});
    }

    private static void clear(Assembler code) {
        for (int i = 0; i < VECTORS; i++) {
            code.subtractFloats(ACC + i, SHIFT, SHIFT);
        }
    }

    private static void factor(Assembler code) {
        code.spread(FACTOR, R8, 0);
    }

    /** m of 16 columns to vector i. */
    private static void weigh(Assembler code, int i) {
        code.widenWords(i, RDX, i * HALF_VECTOR, 0);
        code.shiftLeft(i, 16);
        code.loadFloats(W, RSI, i * VECTOR);
        code.addFloats(W, W, SHIFT);
        code.multiplyFloats(i, i, W);
    }

    private byte[] rows(Step begin, Step step, Step end) {
        code.push(Assembler.RBX);
        code.spread(SHIFT, RDI, OFFSET);
        code.load(RAX, RDI, X);
        code.load(RDX, RDI, HALF);
        code.load(R8, RDI, R);
        code.load(R9, RDI, SUMS);
        code.load(R10, RDI, D_X);
        code.mov(R11, RAX);
        code.addLoaded(R11, RDI, AHEAD);
        code.load(Assembler.RBX, RDI, ROWS);
        Assembler.Label nextRow = new Assembler.Label();
        Assembler.Label nextStep = new Assembler.Label();
        code.bind(nextRow);
        code.load(RSI, RDI, WEIGHT);
        code.load(RCX, RDI, STEPS);
        begin.write(code);
        code.bind(nextStep);
        step.write(code);
        for (int fp32 : new int[] {RAX, RSI, R10, R11}) {
            code.add(fp32, VECTORS * VECTOR);
        }
        code.add(RDX, VECTORS * HALF_VECTOR);
        code.decrement(RCX);
        code.jumpIfNotZero(nextStep);
        end.write(code);
        code.add(R8, Float.BYTES);
        code.add(R9, Float.BYTES);
        code.decrement(Assembler.RBX);
        code.jumpIfNotZero(nextRow);
        code.zeroUpperHalves();
        code.pop(Assembler.RBX);
        code.ret();
        return code.code();
    }
}
