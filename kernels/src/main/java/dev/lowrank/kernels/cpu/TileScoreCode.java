package dev.lowrank.kernels.cpu;

import static dev.lowrank.kernels.cpu.Assembler.R10;
import static dev.lowrank.kernels.cpu.Assembler.R11;
import static dev.lowrank.kernels.cpu.Assembler.R12;
import static dev.lowrank.kernels.cpu.Assembler.R13;
import static dev.lowrank.kernels.cpu.Assembler.R14;
import static dev.lowrank.kernels.cpu.Assembler.R15;
import static dev.lowrank.kernels.cpu.Assembler.R8;
import static dev.lowrank.kernels.cpu.Assembler.R9;
import static dev.lowrank.kernels.cpu.Assembler.RAX;
import static dev.lowrank.kernels.cpu.Assembler.RBP;
import static dev.lowrank.kernels.cpu.Assembler.RBX;
import static dev.lowrank.kernels.cpu.Assembler.RCX;
import static dev.lowrank.kernels.cpu.Assembler.RDI;
import static dev.lowrank.kernels.cpu.Assembler.RDX;
import static dev.lowrank.kernels.cpu.Assembler.RSI;

import java.util.function.IntConsumer;

/**
 * The machine code of {@link TileScores}. It walks scores in blocks of 32 rows and 32 keys, down the rows and on to the next keys. A
 * block's sums never leave the first cache: what becomes of them is done some pairs of rows at each step of the products, while the next
 * block is being summed, and tiles and vectors work side by side.
 */
final class TileScoreCode {
    // Places in the memory that the code's argument points to: numbers of 64 bits, given or the code's own, then
    // others.
    static final int Q = 0;
    static final int D_O = 8;
    static final int STRIDE_OF_Q = 16; // from one row to the next, of both, in bytes
    static final int LOWER_Q = 24; // from a row to the one of the lower tiles, in bytes
    static final int PITCH_OF_Q = 32; // from one block of rows to the next, in bytes
    static final int K = 40;
    static final int V = 48;
    static final int PITCH_OF_K = 56; // from one block of keys to the next, of both, in bytes
    static final int STEPS = 64; // of 32 columns
    static final int ROW_BLOCKS = 72;
    static final int KEY_BLOCKS = 80;
    static final int PAIRS_A_STEP = 88; // of rows that are finished
    static final int SUMS = 96; // where the block has them that is being summed; two times SUMS_BYTES
    static final int OTHER_SUMS = 104;
    static final int TABLE = 112; // of ScoreRows
    static final int ROWS = 120; // where BF16 rows go: of P, or of dS
    static final int STRIDE_OF_ROWS = 128;
    static final int BESIDE = 136; // where a line goes for each row: to its sums, or two: pairs of P
    static final int PITCH_BESIDE = 144; // from one block of keys to the next, in bytes
    static final int PAIRS_OF_DS = 152; // from pairs of P to those of dS, in bytes
    private static final int KEYS_LEFT = 160;
    private static final int ROWS_LEFT = 168;
    private static final int PAIRS_LEFT = 176;
    private static final int FIRST = 184; // whether the block is the first of its keys
    private static final int ROW_OF_Q = 192; // from the first, in bytes
    static final int FACTOR = 200; // of 32 bits, as those that follow
    static final int CONTROL = 204;
    private static final int CONTROL_BEFORE = 208;
    static final int CONSTANTS = 212; // Bf16Softmax.CONSTANTS
    static final int NEXT_KEYS = 232; // the integer 32
    static final int FIRST_KEY = 236; // an integer
    static final int ORDER = 256; // of words, so that two halves become pairs; 64 bytes
    static final int LANES = 320; // integers from 0 to 31; 128 bytes
    static final int TILES = 448; // their configuration, 64 bytes
    static final int BYTES = 512;

    /** Bytes of a block's sums: scores, then what dO and V give. */
    static final int SUMS_BYTES = 2 * TileCode.BLOCK_OF_SUMS;

    private static final int LINE = 64;
    private static final int STEP_OF_Q = 64; // bytes: 32 columns
    private static final int STEP_OF_K = 2048;
    private static final int PAIRS = 16; // of a block
    private static final int HALF_OF_SUMS = 16 * TileCode.ROW_OF_SUMS;
    private static final int VECTORS = 4; // of a pair: two of each row

    // Vectors that stay; those of constants in their order.
    private static final int C4 = 14;
    private static final int WORDS = C4 + PowerCode.CONSTANTS;
    private static final int SCALE = WORDS + 1;
    private static final int SHIFT = 21; // two of each from here on: of the two rows
    private static final int DELTA = 23;
    private static final int BEGIN = 25;
    private static final int END = 27;
    private static final int KEY = 29; // two
    private static final int THIRTY_TWO = 31;
    private static final int FREE = 12; // two

    private final Assembler code = new Assembler();
    private final boolean gradients;
    private final boolean bordered;

    private TileScoreCode(boolean gradients, boolean bordered) {
        this.gradients = gradients;
        this.bordered = bordered;
    }

    /**
     * P in BF16, and its sums before rounding.
     *
     * @param bordered rows do not see all keys
     */
    static byte[] exponentials(boolean bordered) {
        return new TileScoreCode(false, bordered).written();
    }

    /** P and dS. */
    static byte[] gradients(boolean bordered) {
        return new TileScoreCode(true, bordered).written();
    }

    /** {@code f(rows, numbers, count)}: the sum of each row's 16 lanes, as far apart as {@link ScoreRows} has them. */
    static byte[] sums() {
        Assembler code = new Assembler();
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        code.loadFloats(0, RDI, 0);
        code.sumLanes(0, 1);
        code.storeFirst(RSI, 0, 0);
        code.add(RDI, LINE);
        code.add(RSI, ScoreRows.BYTES);
        code.decrement(RDX);
        code.jumpIfNotZero(next);
        code.zeroUpperHalves();
        code.ret();
        return code.code();
    }

    private byte[] written() {
        int[] kept = {RBX, RBP, R12, R13, R14, R15};
        for (int reg : kept) {
            code.push(reg);
        }
        begin();
        Assembler.Label nextKeys = new Assembler.Label();
        Assembler.Label nextRows = new Assembler.Label();
        copy(KEY_BLOCKS, KEYS_LEFT);
        code.bind(nextKeys);
        copy(ROW_BLOCKS, ROWS_LEFT);
        store(FIRST, 1);
        store(ROW_OF_Q, 0);
        code.bind(nextRows);
        block();
        advance(ROW_OF_Q, PITCH_OF_Q);
        code.decrementStored(RDI, ROWS_LEFT);
        code.jumpIfNotZero(nextRows);
        advance(K, PITCH_OF_K);
        advance(V, PITCH_OF_K);
        code.decrementStored(RDI, KEYS_LEFT);
        code.jumpIfNotZero(nextKeys);
        drain();
        code.loadControl(RDI, CONTROL_BEFORE);
        code.releaseTiles();
        code.zeroUpperHalves();
        for (int i = kept.length - 1; i >= 0; i--) {
            code.pop(kept[i]);
        }
        code.ret();
        return code.code();
    }

    private void begin() {
        code.loadTileConfiguration(RDI, TILES);
        code.storeControl(RDI, CONTROL_BEFORE);
        code.loadControl(RDI, CONTROL);
        for (int i = 0; i < PowerCode.CONSTANTS; i++) {
            code.spread(C4 + i, RDI, CONSTANTS + i * Float.BYTES);
        }
        code.loadFloats(WORDS, RDI, ORDER);
        code.spread(SCALE, RDI, FACTOR);
        if (bordered) {
            code.spread(THIRTY_TWO, RDI, NEXT_KEYS);
            code.spread(FREE, RDI, FIRST_KEY);
            code.subtractInts(FREE, FREE, THIRTY_TWO); // Added again where the first keys begin.
            for (int half = 0; half < 2; half++) {
                code.loadFloats(KEY + half, RDI, LANES + half * LINE);
                code.addInts(KEY + half, KEY + half, FREE);
            }
        }
        code.set(RBP, TileCode.ROW_OF_SUMS); // also from a pair of rows of K to the next
        code.load(R11, RDI, STRIDE_OF_Q);
        code.load(R12, RDI, PAIRS_OF_DS);
        code.load(R13, RDI, STRIDE_OF_ROWS);
        store(PAIRS_LEFT, 0);
    }

    /** Sums a block while the one before is finished. */
    private void block() {
        product(Q, K);
        if (gradients) {
            code.load(R15, RDI, SUMS);
            storeSums(R15, 0);
            product(D_O, V);
        }
        drain();
        code.load(RAX, RDI, SUMS);
        storeSums(RAX, gradients ? TileCode.BLOCK_OF_SUMS : 0);
        code.load(RCX, RDI, OTHER_SUMS);
        code.store(RDI, SUMS, RCX);
        code.store(RDI, OTHER_SUMS, RAX);
        store(PAIRS_LEFT, PAIRS);
        Assembler.Label further = new Assembler.Label();
        code.compareStored(RDI, FIRST, 0);
        code.jumpIfZero(further);
        beginKeys();
        code.bind(further);
    }

    /** The block whose sums there are is the first of its keys: rows begin at the table's beginning again. */
    private void beginKeys() {
        store(FIRST, 0);
        code.load(RSI, RDI, TABLE);
        code.load(RDX, RDI, BESIDE);
        advance(BESIDE, PITCH_BESIDE);
        code.load(RBX, RDI, ROWS);
        code.set(RCX, LINE);
        code.addStored(RDI, ROWS, RCX);
        for (int half = 0; half < 2 && bordered; half++) {
            code.addInts(KEY + half, KEY + half, THIRTY_TWO);
        }
    }

    private void product(int left, int right) {
        for (int tile = 0; tile < 4; tile++) {
            code.zeroTile(tile);
        }
        code.load(R8, RDI, left);
        code.addLoaded(R8, RDI, ROW_OF_Q);
        code.mov(R9, R8);
        code.addLoaded(R9, RDI, LOWER_Q);
        code.load(R10, RDI, right);
        code.load(RCX, RDI, STEPS);
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        code.loadTile(4, R8, R11, 0);
        code.loadTile(6, R10, RBP, 0);
        code.loadTile(7, R10, RBP, LINE);
        code.multiplyTiles(0, 4, 6);
        code.loadTile(5, R9, R11, 0);
        code.multiplyTiles(1, 4, 7);
        code.multiplyTiles(2, 5, 6);
        code.multiplyTiles(3, 5, 7);
        code.add(R8, STEP_OF_Q);
        code.add(R9, STEP_OF_Q);
        code.add(R10, STEP_OF_K);
        code.load(R14, RDI, PAIRS_A_STEP);
        pairs();
        code.decrement(RCX);
        code.jumpIfNotZero(next);
    }

    private void storeSums(int base, int displacement) {
        code.storeTile(base, RBP, displacement, 0);
        code.storeTile(base, RBP, displacement + LINE, 1);
        code.storeTile(base, RBP, displacement + HALF_OF_SUMS, 2);
        code.storeTile(base, RBP, displacement + HALF_OF_SUMS + LINE, 3);
    }

    /** All that is left of the block before. */
    private void drain() {
        code.set(R14, PAIRS);
        pairs();
    }

    /** As many pairs of rows as r14 says, or are left. */
    private void pairs() {
        Assembler.Label next = new Assembler.Label();
        Assembler.Label done = new Assembler.Label();
        code.bind(next);
        code.compareStored(RDI, PAIRS_LEFT, 0);
        code.jumpIfZero(done);
        pair();
        code.decrementStored(RDI, PAIRS_LEFT);
        code.decrement(R14);
        code.jumpIfNotZero(next);
        code.bind(done);
    }

    /** A pair's sums at rax, what belongs to the rows at rsi, their results at rbx, and beside those at rdx. */
    private void pair() {
        for (int row = 0; row < 2; row++) {
            int at = row * ScoreRows.BYTES;
            code.spread(SHIFT + row, RSI, at + ScoreRows.SHIFT);
            if (gradients) {
                code.spread(DELTA + row, RSI, at + ScoreRows.DELTA);
            }
            if (bordered) {
                code.spread(BEGIN + row, RSI, at + ScoreRows.BEGIN);
                code.spread(END + row, RSI, at + ScoreRows.END);
            }
        }
        each(v -> code.loadFloats(t(v), RAX, sum(v)));
        each(v -> code.multiplyAdd(t(v), SCALE, SHIFT + row(v)));
        if (bordered) {
            each(v -> code.within(mask(v), KEY + v % 2, BEGIN + row(v), END + row(v)));
        }
        PowerCode.powers(code, VECTORS, v -> v, TileScoreCode::t, v -> 8 + v, this::mask, C4);
        if (gradients) {
            each(v -> code.loadFloats(t(v), RAX, TileCode.BLOCK_OF_SUMS + sum(v)));
            each(v -> code.subtractFloats(t(v), t(v), DELTA + row(v)));
            each(v -> code.multiplyFloats(t(v), t(v), v, mask(v)));
            storeRows(t(0), t(2));
            code.mov(R15, RDX);
            code.addRegister(R15, R12);
            storePairs(RDX, 0);
            storePairs(R15, t(0));
        } else {
            addSums();
            storeRows(0, 2);
        }
        code.add(RAX, 2 * TileCode.ROW_OF_SUMS);
        code.add(RSI, 2 * ScoreRows.BYTES);
        code.add(RDX, 2 * LINE);
        code.addRegister(RBX, R13);
        code.addRegister(RBX, R13);
    }

    /** The lanes of both rows are added to their sums. */
    private void addSums() {
        for (int row = 0; row < 2; row++) {
            code.loadFloats(FREE + row, RDX, row * LINE);
        }
        each(v -> code.addFloats(FREE + row(v), FREE + row(v), v));
        for (int row = 0; row < 2; row++) {
            code.storeFloats(RDX, row * LINE, 0, FREE + row);
        }
    }

    /** Two rows, each of two vectors from the first on. */
    private void storeRows(int first, int second) {
        code.narrow(FREE, first + 1, first);
        code.storeFloats(RBX, 0, 0, FREE);
        code.mov(R15, RBX);
        code.addRegister(R15, R13);
        code.narrow(FREE + 1, second + 1, second);
        code.storeFloats(R15, 0, 0, FREE + 1);
    }

    /** Both rows, key by key. */
    private void storePairs(int base, int first) {
        for (int half = 0; half < 2; half++) {
            code.narrow(FREE + half, first + 2 + half, first + half);
            code.permuteWords(FREE + half, WORDS, FREE + half);
            code.storeFloats(base, half * LINE, 0, FREE + half);
        }
    }

    private static void each(IntConsumer instruction) {
        ExpCode.each(VECTORS, instruction);
    }

    /** Vector v is of row v / 2 and of 16 keys, v % 2. */
    private static int row(int v) {
        return v / 2;
    }

    private static int t(int v) {
        return VECTORS + v;
    }

    private int mask(int v) {
        return bordered ? 1 + v : 0;
    }

    private static int sum(int v) {
        return row(v) * TileCode.ROW_OF_SUMS + v % 2 * LINE;
    }

    private void copy(int from, int to) {
        code.load(RCX, RDI, from);
        code.store(RDI, to, RCX);
    }

    private void store(int place, int number) {
        code.set(RCX, number);
        code.store(RDI, place, RCX);
    }

    private void advance(int place, int by) {
        code.load(RCX, RDI, by);
        code.addStored(RDI, place, RCX);
    }
}
