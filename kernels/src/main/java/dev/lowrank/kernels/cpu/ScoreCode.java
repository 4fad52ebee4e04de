package dev.lowrank.kernels.cpu;

import static dev.lowrank.kernels.cpu.Assembler.R10;
import static dev.lowrank.kernels.cpu.Assembler.R11;
import static dev.lowrank.kernels.cpu.Assembler.R8;
import static dev.lowrank.kernels.cpu.Assembler.R9;
import static dev.lowrank.kernels.cpu.Assembler.RAX;
import static dev.lowrank.kernels.cpu.Assembler.RBP;
import static dev.lowrank.kernels.cpu.Assembler.RBX;
import static dev.lowrank.kernels.cpu.Assembler.RCX;
import static dev.lowrank.kernels.cpu.Assembler.RDI;
import static dev.lowrank.kernels.cpu.Assembler.RDX;
import static dev.lowrank.kernels.cpu.Assembler.RSI;

/**
 * The machine code of {@link CodedScores}: a block's rows in one call, each passed over once, where compiled Java needs several
 * calls and passes, since a loop of so many vectors is no longer compiled whole. Steps are of 32 keys. The exponential is
 * that of {@link Bf16Softmax}, to the bit.
 */
final class ScoreCode {
    // Places in the memory that the code's argument points to: addresses and counts of 64 bits, then numbers of 32.
    static final int S = 0; // scores of the first row
    static final int DP = 8;
    static final int STRIDE = 16; // bytes from one row to the next
    static final int ROWS = 24; // those there are; pairs of rows for gradients
    static final int TABLE = 32; // of ScoreRows
    static final int STEPS = 40; // of a row
    static final int P = 48; // where pairs go
    static final int DS = 56;
    static final int RUN = 64; // bytes of pairs from one step to the next
    private static final int ROWS_LEFT = 72;
    private static final int ROW_OF_S = 80;
    private static final int ROW_OF_DP = 88;
    private static final int PAIR_OF_P = 96;
    private static final int PAIR_OF_DS = 104;
    static final int FACTOR = 112;
    static final int MINUS_INFINITY = 116;
    static final int SIXTEEN = 120; // an integer
    static final int CONTROL = 124; // of the vectors, for the time of the call
    static final int CONSTANTS = 128; // C4, C3, C2, C1, ONE
    private static final int CONTROL_BEFORE = 160;
    static final int ORDER = 192; // of words, so that two halves become pairs; 64 bytes
    static final int KEYS = 256; // integers: the first 16 keys of a row; 64 bytes
    static final int BYTES = 320;

    private static final int VECTOR = 64; // bytes
    private static final int STEP = 128;
    private static final int STEP_BITS = 5;
    private static final int KEYS_OF_STEP = 1 << STEP_BITS;

    // Vectors that stay: constants in the order above from here on, then what the row or two rows have.
    private static final int C4 = 18;
    private static final int ONE = 22;
    private static final int WORDS = 23;
    private static final int SCALE = 24;
    private static final int[] SHIFTS = {25, 26};
    private static final int[] DELTAS = {27, 28};
    private static final int[] BEGINS = {29, 30};
    private static final int[] ENDS = {31, 14};
    private static final int KEY = 15;
    private static final int NEXT = 13;
    private static final int[] SUMS = {27, 28};
    private static final int ZERO = 29;
    private static final int HIDDEN = 30;

    private static final int VISIBLE = 1; // masks
    private static final int HIDE = 2;

    private final Assembler code = new Assembler();

    /** Of all rows: exponentials and their sum. */
    static byte[] exponentials() {
        ScoreCode rows = new ScoreCode();
        rows.writeExponentials();
        return rows.code.code();
    }

    /**
     * Of all pairs of rows: P and dS.
     *
     * @param bordered rows do not see all keys
     */
    static byte[] gradients(boolean bordered) {
        ScoreCode rows = new ScoreCode();
        rows.writeGradients(bordered ? VISIBLE : 0);
        return rows.code.code();
    }

    private void writeExponentials() {
        begin();
        code.zero(ZERO);
        code.spread(HIDDEN, RDI, MINUS_INFINITY);
        // One after the other for all rows, since what a row gives at the end of one pass it would have to wait for in
        // the next.
        eachRow(this::hideEnds);
        eachRow(this::largestOfRow);
        eachRow(this::exponentialsOfRow);
        end();
    }

    /** For each row: what belongs to it at rsi, its scores at r10, the first key it sees in r8, the last in r9. */
    private void eachRow(Runnable row) {
        code.load(RSI, RDI, TABLE);
        code.load(R10, RDI, S);
        code.load(R11, RDI, ROWS);
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        code.loadInt(R8, RSI, ScoreRows.BEGIN);
        code.loadInt(R9, RSI, ScoreRows.END);
        code.add(R9, -1);
        row.run();
        code.add(RSI, ScoreRows.BYTES);
        code.addLoaded(R10, RDI, STRIDE);
        code.decrement(R11);
        code.jumpIfNotZero(next);
    }

    /** What a row does not see within its first and last step becomes minus infinity, whose exponential is zero. */
    private void hideEnds() {
        code.mov(RCX, R8);
        code.and(RCX, KEYS_OF_STEP - 1);
        code.set(RDX, 1);
        code.shiftUpByCount(RDX);
        code.add(RDX, -1);
        hide(R8);
        code.mov(RCX, R9);
        code.and(RCX, KEYS_OF_STEP - 1);
        code.set(RDX, -2);
        code.shiftUpByCount(RDX);
        hide(R9);
    }

    /** The lanes that rdx says of the step that a key is in. */
    private void hide(int key) {
        code.mov(RAX, key);
        code.and(RAX, -KEYS_OF_STEP);
        code.shiftUp(RAX, 2);
        code.addRegister(RAX, R10);
        code.setMask(HIDE, RDX);
        code.storeFloats(RAX, 0, HIDE, HIDDEN);
        code.shiftDown(RDX, 16);
        code.setMask(HIDE, RDX);
        code.storeFloats(RAX, VECTOR, HIDE, HIDDEN);
    }

    private void largestOfRow() {
        firstStep();
        code.moveFloats(0, HIDDEN);
        code.moveFloats(1, HIDDEN);
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        for (int i = 0; i < 2; i++) {
            code.loadFloats(2 + i, RAX, i * VECTOR);
            code.larger(i, 2 + i, i);
        }
        code.add(RAX, STEP);
        code.decrement(RCX);
        code.jumpIfNotZero(next);
        code.larger(0, 0, 1);
        for (int by = 8; by > 0; by /= 2) {
            code.rotate(1, 0, by);
            code.larger(0, 0, 1);
        }
        code.storeFirst(RSI, ScoreRows.SHIFT, 0);
    }

    private void exponentialsOfRow() {
        firstStep();
        code.spread(SHIFTS[0], RSI, ScoreRows.SHIFT);
        code.multiplyFloats(SHIFTS[0], SHIFTS[0], SCALE);
        code.subtractFloats(SHIFTS[0], ZERO, SHIFTS[0]);
        code.mov(RDX, R8);
        code.shiftUp(RDX, STEP_BITS + 1);
        code.addRegister(RDX, R10);
        for (int sum : SUMS) {
            code.moveFloats(sum, ZERO);
        }
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        for (int i = 0; i < 2; i++) {
            power(i, RAX, i * VECTOR, SHIFTS[0], 0);
            code.addFloats(SUMS[i], SUMS[i], i);
        }
        code.narrow(12, 1, 0);
        code.storeFloats(RDX, 0, 0, 12);
        code.add(RAX, STEP);
        code.add(RDX, VECTOR);
        code.decrement(RCX);
        code.jumpIfNotZero(next);
        code.addFloats(0, SUMS[0], SUMS[1]);
        for (int by = 8; by > 0; by /= 2) {
            code.rotate(1, 0, by);
            code.addFloats(0, 0, 1);
        }
        code.storeFirst(RSI, ScoreRows.DELTA, 0);

        code.load(RCX, RDI, STEPS);
        code.subtract(RCX, R9);
        code.decrement(RCX);
        clear();
        code.mov(RDX, R10);
        code.mov(RCX, R8);
        code.test(RCX);
        clear();
    }

    /** The first step of a row that is seen at rax, how many there are in rcx; r8 and r9 count steps from here on. */
    private void firstStep() {
        code.shiftDown(R8, STEP_BITS);
        code.shiftDown(R9, STEP_BITS);
        code.mov(RAX, R8);
        code.shiftUp(RAX, STEP_BITS + 2);
        code.addRegister(RAX, R10);
        code.mov(RCX, R9);
        code.subtract(RCX, R8);
        code.add(RCX, 1);
    }

    /** As many steps of probabilities from rdx on as rcx says, whose flags are set, become zero. */
    private void clear() {
        Assembler.Label next = new Assembler.Label();
        Assembler.Label done = new Assembler.Label();
        code.jumpIfZero(done);
        code.bind(next);
        code.storeFloats(RDX, 0, 0, ZERO);
        code.add(RDX, VECTOR);
        code.decrement(RCX);
        code.jumpIfNotZero(next);
        code.bind(done);
    }

    private void writeGradients(int visible) {
        code.push(RBX);
        code.push(RBP);
        begin();
        code.loadFloats(WORDS, RDI, ORDER);
        code.spread(NEXT, RDI, SIXTEEN);
        copy(ROWS, ROWS_LEFT);
        copy(S, ROW_OF_S);
        copy(DP, ROW_OF_DP);
        copy(P, PAIR_OF_P);
        copy(DS, PAIR_OF_DS);
        code.load(RSI, RDI, TABLE);
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        gradientsOfPair(visible);
        code.add(RSI, 2 * ScoreRows.BYTES);
        code.load(RCX, RDI, STRIDE);
        code.addRegister(RCX, RCX);
        code.addStored(RDI, ROW_OF_S, RCX);
        code.addStored(RDI, ROW_OF_DP, RCX);
        code.set(RCX, STEP);
        code.addStored(RDI, PAIR_OF_P, RCX);
        code.addStored(RDI, PAIR_OF_DS, RCX);
        code.decrementStored(RDI, ROWS_LEFT);
        code.jumpIfNotZero(next);
        code.pop(RBP);
        code.pop(RBX);
        end();
    }

    private void gradientsOfPair(int visible) {
        for (int row = 0; row < 2; row++) {
            code.spread(SHIFTS[row], RSI, row * ScoreRows.BYTES + ScoreRows.SHIFT);
            code.spread(DELTAS[row], RSI, row * ScoreRows.BYTES + ScoreRows.DELTA);
            code.spread(BEGINS[row], RSI, row * ScoreRows.BYTES + ScoreRows.BEGIN);
            code.spread(ENDS[row], RSI, row * ScoreRows.BYTES + ScoreRows.END);
        }
        code.loadFloats(KEY, RDI, KEYS);
        int[] scores = {RAX, RDX};
        int[] gradients = {R8, R9};
        int[] results = {RBX, RBP}; // over the beginning of the gradients' rows
        code.load(RAX, RDI, ROW_OF_S);
        code.mov(RDX, RAX);
        code.addLoaded(RDX, RDI, STRIDE);
        code.load(R8, RDI, ROW_OF_DP);
        code.mov(R9, R8);
        code.addLoaded(R9, RDI, STRIDE);
        code.mov(RBX, R8);
        code.mov(RBP, R9);
        code.load(R10, RDI, PAIR_OF_P);
        code.load(R11, RDI, PAIR_OF_DS);
        code.load(RCX, RDI, STEPS);
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        for (int i = 0; i < 2; i++) { // 16 keys
            for (int row = 0; row < 2; row++) {
                if (visible != 0) {
                    code.within(visible, KEY, BEGINS[row], ENDS[row]);
                }
                power(row, scores[row], i * VECTOR, SHIFTS[row], visible);
                int dS = dS(row, i);
                code.loadFloats(dS, gradients[row], i * VECTOR);
                code.subtractFloats(dS, dS, DELTAS[row]);
                code.multiplyFloats(dS, dS, row, visible);
            }
            storePairs(R10, i * VECTOR, 0, 1);
            storePairs(R11, i * VECTOR, dS(0, i), dS(1, i));
            if (visible != 0) {
                code.addInts(KEY, KEY, NEXT);
            }
        }
        for (int row = 0; row < 2; row++) {
            code.narrow(12, dS(row, 1), dS(row, 0));
            code.storeFloats(results[row], 0, 0, 12);
            code.add(scores[row], STEP);
            code.add(gradients[row], STEP);
            code.add(results[row], VECTOR);
        }
        code.addLoaded(R10, RDI, RUN);
        code.addLoaded(R11, RDI, RUN);
        code.decrement(RCX);
        code.jumpIfNotZero(next);
    }

    private static int dS(int row, int half) {
        return 4 + 2 * row + half;
    }

    private void begin() {
        for (int i = 0; i <= ONE - C4; i++) {
            code.spread(C4 + i, RDI, CONSTANTS + i * Float.BYTES);
        }
        code.spread(SCALE, RDI, FACTOR);
        code.storeControl(RDI, CONTROL_BEFORE);
        code.loadControl(RDI, CONTROL);
    }

    private void end() {
        code.loadControl(RDI, CONTROL_BEFORE);
        code.zeroUpperHalves();
        code.ret();
    }

    /**
     * {@code to = 2^(factor s + shift)}, what is below the smallest normal number being zero; the vectors from 8 to 11 are worked with.
     *
     * @param visible the mask of the lanes that do not become zero, or 0 for all
     */
    private void power(int to, int base, int displacement, int shift, int visible) {
        int t = 8 + to;
        int f = 10 + to;
        code.loadFloats(t, base, displacement);
        code.multiplyAdd(t, SCALE, shift);
        PowerCode.powers(code, 1, v -> to, v -> t, v -> f, v -> visible, C4);
    }

    /** Two vectors as BF16 in one, lane by lane. */
    private void storePairs(int base, int displacement, int lower, int upper) {
        code.narrow(12, upper, lower);
        code.permuteWords(12, WORDS, 12);
        code.storeFloats(base, displacement, 0, 12);
    }

    private void copy(int from, int to) {
        code.load(RCX, RDI, from);
        code.store(RDI, to, RCX);
    }
}
