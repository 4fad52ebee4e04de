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
 * The machine code of {@link CodedScores}: one pass where compiled Java needs three or four, since a loop of so many vectors
 * is no longer compiled whole. Steps are of 32 keys. The exponential is that of {@link Bf16Softmax}, to the bit.
 */
final class ScoreCode {
    // Places in the memory that the code's argument points to: addresses and counts of 64 bits, then fp32 numbers.
    static final int S_A = 0; // scores of a row
    static final int S_B = 8; // of the next, for gradients
    static final int DP_A = 16;
    static final int DP_B = 24;
    static final int ROW_A = 32; // where the row's BF16 numbers go
    static final int ROW_B = 40;
    static final int P = 48; // where pairs go
    static final int DS = 56;
    static final int RUN = 64; // bytes of pairs from one step to the next
    static final int STEPS = 72;
    static final int FACTOR = 80;
    static final int SHIFT_A = 84; // is added: minus the shift
    static final int SHIFT_B = 88;
    static final int DELTA_A = 92;
    static final int DELTA_B = 96;
    static final int CONSTANTS = 128; // ROUND, SMALLEST, C4, C3, C2, C1, ONE
    static final int ORDER = 192; // of words, so that two halves become pairs; 64 bytes
    static final int SUM = 256; // 64 bytes; the sum is in each lane
    static final int BYTES = 320;

    private static final int VECTOR = 64; // bytes
    private static final int STEP = 128;

    // Vectors that stay: constants in the order above from here on, then what the row has.
    private static final int ROUND = 16;
    private static final int SMALLEST = 17;
    private static final int C4 = 18;
    private static final int ONE = 22;
    private static final int WORDS = 23;
    private static final int SCALE = 24;
    private static final int[] SHIFTS = {25, 26};
    private static final int[] DELTAS = {27, 28};
    private static final int[] SUMS = {29, 30};
    private static final int VISIBLE = 1; // a mask

    private final Assembler code = new Assembler();

    /** Of a row: exponentials and their sum. */
    static byte[] exponentials() {
        ScoreCode row = new ScoreCode();
        row.writeExponentials();
        return row.code.code();
    }

    /** Of two rows: P and dS. */
    static byte[] gradients() {
        ScoreCode rows = new ScoreCode();
        rows.writeGradients();
        return rows.code.code();
    }

    private void writeExponentials() {
        begin();
        code.load(RAX, RDI, S_A);
        code.load(RDX, RDI, ROW_A);
        for (int sum : SUMS) {
            code.subtractFloats(sum, ROUND, ROUND);
        }
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        for (int i = 0; i < 2; i++) {
            power(i, RAX, i * VECTOR, SHIFTS[0]);
            code.addFloats(SUMS[i], SUMS[i], i);
        }
        storePairs(RDX, 0, 0, 1);
        code.add(RAX, STEP);
        code.add(RDX, VECTOR);
        code.decrement(RCX);
        code.jumpIfNotZero(next);
        code.addFloats(0, SUMS[0], SUMS[1]);
        for (int by = 8; by > 0; by /= 2) {
            code.rotate(1, 0, by);
            code.addFloats(0, 0, 1);
        }
        code.storeFloats(RDI, SUM, 0, 0);
        code.zeroUpperHalves();
        code.ret();
    }

    private void writeGradients() {
        begin();
        code.spread(SHIFTS[1], RDI, SHIFT_B);
        code.spread(DELTAS[0], RDI, DELTA_A);
        code.spread(DELTAS[1], RDI, DELTA_B);
        int[] scores = {RAX, RDX};
        int[] gradients = {R8, R9};
        code.load(RAX, RDI, S_A);
        code.load(RDX, RDI, S_B);
        code.load(R8, RDI, DP_A);
        code.load(R9, RDI, DP_B);
        code.load(R10, RDI, P);
        code.load(R11, RDI, DS);
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        for (int i = 0; i < 2; i++) { // 16 keys
            for (int row = 0; row < 2; row++) {
                power(row, scores[row], i * VECTOR, SHIFTS[row]);
                int dS = dS(row, i);
                code.loadFloats(dS, gradients[row], i * VECTOR);
                code.subtractFloats(dS, dS, DELTAS[row]);
                code.multiplyFloats(dS, dS, row);
            }
            storePairs(R10, i * VECTOR, 0, 1);
            storePairs(R11, i * VECTOR, dS(0, i), dS(1, i));
        }
        code.load(RSI, RDI, ROW_A);
        storePairs(RSI, 0, dS(0, 0), dS(0, 1));
        code.add(RSI, VECTOR);
        code.store(RDI, ROW_A, RSI);
        code.load(RSI, RDI, ROW_B);
        storePairs(RSI, 0, dS(1, 0), dS(1, 1));
        code.add(RSI, VECTOR);
        code.store(RDI, ROW_B, RSI);
        for (int row = 0; row < 2; row++) {
            code.add(scores[row], STEP);
            code.add(gradients[row], STEP);
        }
        code.addLoaded(R10, RDI, RUN);
        code.addLoaded(R11, RDI, RUN);
        code.decrement(RCX);
        code.jumpIfNotZero(next);
        code.zeroUpperHalves();
        code.ret();
    }

    private static int dS(int row, int half) {
        return 4 + 2 * row + half;
    }

    private void begin() {
        for (int i = 0; i <= ONE - ROUND; i++) {
            code.spread(ROUND + i, RDI, CONSTANTS + i * Float.BYTES);
        }
        code.loadFloats(WORDS, RDI, ORDER);
        code.spread(SCALE, RDI, FACTOR);
        code.spread(SHIFTS[0], RDI, SHIFT_A);
        code.load(RCX, RDI, STEPS);
    }

    /** {@code to = 2^(factor s - shift)}; the vectors from 8 on are worked with. */
    private void power(int to, int base, int displacement, int shift) {
        int t = 8 + to;
        int n = 10 + to;
        code.loadFloats(t, base, displacement);
        code.multiplyAdd(t, SCALE, shift);
        code.addFloats(n, t, ROUND);
        code.subtractFloats(n, n, ROUND);
        code.notBelow(VISIBLE, t, SMALLEST);
        code.subtractFloats(t, t, n);
        code.moveFloats(to, C4);
        for (int c = C4 + 1; c <= ONE; c++) {
            code.multiplyAdd(to, t, c);
        }
        code.scale(to, to, n, VISIBLE);
    }

    /** Two vectors as BF16 in one, lane by lane. */
    private void storePairs(int base, int displacement, int lower, int upper) {
        code.narrow(12, upper, lower);
        code.permuteWords(12, WORDS, 12);
        code.storeFloats(base, displacement, 0, 12);
    }
}
