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

/**
 * The machine code of {@link TileProduct}. It walks C in blocks of 32 x 32, four tiles of sums, down a block of 32 columns
 * of B and then on to the next, so that this block of B stays in the first cache while the rows of A stream past it.
 *
 * <p>The processor's tile unit works beside its vector units. So a block's sums are put down in memory, and are added to C
 * or rounded, two rows at each step of k, while the next block is being summed. Lines of C that are about to be written
 * are asked for in the same way.
 *
 * <p>Where C is F32 and has whole blocks, tiles are put down in C itself ({@link #straight}).
 *
 * <p>Where k is long, a block of B goes in chunks of k, and sums wait in memory between the chunks.
 */
final class TileCode {
    /** Bytes that the sums of one block take: 32 rows of 32. */
    static final int BLOCK_OF_SUMS = 32 * 32 * Float.BYTES;

    // Places in the memory that the code's argument points to: numbers of 64 bits, given or the code's own, then the
    // tiles.
    static final int A = 0;
    static final int STRIDE_OF_A = 8; // bytes
    static final int LOWER_A = 16; // from a row of A to the one for the lower two tiles, in bytes
    static final int B = 24;
    static final int PITCH_OF_B = 32; // from one block of columns to the next, in bytes
    static final int C = 40;
    static final int STRIDE_OF_C = 48;
    static final int ROW_BLOCKS = 56;
    static final int COLUMN_BLOCKS = 64;
    static final int CHUNKS = 72;
    static final int STEPS = 80; // of 32, in a chunk
    static final int LAST_STEPS = 88; // in the last chunk
    static final int SUMS = 96;
    static final int PITCH_OF_SUMS = 104; // from one block of rows to the next; 0 where there is one chunk
    static final int ROWS = 112; // of a block, at most 32
    static final int PITCH_OF_A = 120; // from one block of rows to the next, in bytes
    static final int PITCH_OF_C = 128;
    static final int TERM_A = 136; // of A' B', which is added; steps are 0 where there is none
    static final int STRIDE_OF_TERM_A = 144;
    static final int LOWER_TERM_A = 152;
    static final int PITCH_OF_TERM_A = 160;
    static final int TERM_B = 168;
    static final int PITCH_OF_TERM_B = 176;
    static final int TERM_STEPS = 184;
    static final int MASK = 192; // of a block's 32 columns
    static final int LOWER_MASK = 200; // of the first 16
    static final int UPPER_MASK = 208;
    static final int CHUNK_PITCH_OF_A = 216; // from one chunk to the next, in bytes
    static final int CHUNK_PITCH_OF_B = 224;
    static final int LOWER_C = 232; // from a row of C to the one of the lower two tiles, in bytes
    private static final int COLUMN_OF_B = 240;
    private static final int COLUMN_OF_C = 248;
    private static final int COLUMN_OF_TERM_B = 256;
    private static final int COLUMNS_LEFT = 264;
    private static final int CHUNKS_LEFT = 272;
    private static final int CHUNK_OF_A = 280;
    private static final int CHUNK_OF_B = 288;
    private static final int STEPS_NOW = 296;
    private static final int ROWS_LEFT = 304;
    private static final int BLOCK_OF_A = 312;
    private static final int BLOCK_OF_C = 320;
    private static final int BLOCK_OF_TERM_A = 328;
    private static final int BLOCK_SUMS = 336;
    static final int TILES = 384; // their configuration, 64 bytes
    static final int BYTES = 448;

    private static final int STEP_OF_A = 64; // bytes: 32 elements
    private static final int STEP_OF_B = 2048;
    private static final int ROW_OF_SUMS = 128;
    private static final int HALF_OF_SUMS = 16 * ROW_OF_SUMS;
    private static final int ROWS_A_STEP = 2;
    private static final int COLUMNS_MASK = 1;
    private static final int LOWER = 2;
    private static final int UPPER = 3;

    private final Assembler code = new Assembler();
    private final boolean half;
    private final boolean accumulate;
    private final boolean thin;
    private final boolean straight;

    private TileCode(boolean half, boolean accumulate, boolean thin, boolean straight) {
        this.half = half;
        this.accumulate = accumulate;
        this.thin = thin;
        this.straight = straight;
    }

    /**
     * A function of one argument, the address of the memory described above.
     *
     * @param half C is BF16, not F32
     * @param accumulate add to C
     * @param thin blocks have 16 rows at most: there are no lower tiles
     */
    static byte[] of(boolean half, boolean accumulate, boolean thin) {
        TileCode product = new TileCode(half, accumulate, thin, false);
        product.write();
        return product.code.code();
    }

    /** The same for F32 in whole blocks of 32 columns: tiles begin and end in C itself, and wait there between chunks. */
    static byte[] straight(boolean accumulate, boolean thin) {
        TileCode product = new TileCode(false, accumulate, thin, true);
        product.write();
        return product.code.code();
    }

    private void write() {
        int[] kept = {RBX, RBP, R12, R13, R14, R15};
        for (int reg : kept) {
            code.push(reg);
        }
        code.loadTileConfiguration(RDI, TILES);
        code.loadMask(COLUMNS_MASK, RDI, MASK);
        code.loadMask(LOWER, RDI, LOWER_MASK);
        code.loadMask(UPPER, RDI, UPPER_MASK);
        code.set(RBP, ROW_OF_SUMS); // also from a pair of rows of B to the next
        code.load(RBX, RDI, STRIDE_OF_C);
        code.set(RSI, 0);
        code.set(R15, 0);
        columns();
        if (!straight) {
            drain();
        }
        code.releaseTiles();
        code.zeroUpperHalves();
        for (int i = kept.length - 1; i >= 0; i--) {
            code.pop(kept[i]);
        }
        code.ret();
    }

    private void columns() {
        copy(B, COLUMN_OF_B);
        copy(C, COLUMN_OF_C);
        copy(TERM_B, COLUMN_OF_TERM_B);
        copy(COLUMN_BLOCKS, COLUMNS_LEFT);
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        chunks();
        advance(COLUMN_OF_B, PITCH_OF_B);
        code.set(RCX, 32 * (half ? Short.BYTES : Float.BYTES));
        code.addStored(RDI, COLUMN_OF_C, RCX);
        advance(COLUMN_OF_TERM_B, PITCH_OF_TERM_B);
        code.decrementStored(RDI, COLUMNS_LEFT);
        code.jumpIfNotZero(next);
    }

    private void chunks() {
        copy(A, CHUNK_OF_A);
        copy(COLUMN_OF_B, CHUNK_OF_B);
        copy(CHUNKS, CHUNKS_LEFT);
        Assembler.Label next = new Assembler.Label();
        Assembler.Label last = new Assembler.Label();
        code.bind(next);
        code.compareStored(RDI, CHUNKS_LEFT, 1);
        code.jumpIfZero(last);
        copy(STEPS, STEPS_NOW);
        rows(false);
        advance(CHUNK_OF_A, CHUNK_PITCH_OF_A);
        advance(CHUNK_OF_B, CHUNK_PITCH_OF_B);
        code.decrementStored(RDI, CHUNKS_LEFT);
        code.jump(next);
        code.bind(last);
        copy(LAST_STEPS, STEPS_NOW);
        rows(true);
    }

    private void rows(boolean last) {
        copy(ROW_BLOCKS, ROWS_LEFT);
        copy(CHUNK_OF_A, BLOCK_OF_A);
        copy(COLUMN_OF_C, BLOCK_OF_C);
        copy(TERM_A, BLOCK_OF_TERM_A);
        copy(SUMS, BLOCK_SUMS);
        code.load(R13, RDI, CHUNK_OF_B);
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        begin();
        code.load(R11, RDI, STRIDE_OF_A);
        code.load(R8, RDI, BLOCK_OF_A);
        code.mov(R9, R8);
        code.addLoaded(R9, RDI, LOWER_A);
        code.mov(R10, R13);
        code.load(RCX, RDI, STEPS_NOW);
        if (last && !straight) {
            code.load(R14, RDI, BLOCK_OF_C);
            code.load(R15, RDI, ROWS);
        }
        steps(last);
        if (last) {
            term();
        }
        if (straight) {
            code.load(RAX, RDI, BLOCK_OF_C);
            storeStraight();
            advance(BLOCK_OF_C, PITCH_OF_C);
        } else {
            storeSums(last);
        }
        if (last) {
            advance(BLOCK_OF_TERM_A, PITCH_OF_TERM_A);
        }
        advance(BLOCK_OF_A, PITCH_OF_A);
        code.decrementStored(RDI, ROWS_LEFT);
        code.jumpIfNotZero(next);
    }

    private void storeStraight() {
        code.storeTile(RAX, RBX, 0, 0);
        code.storeTile(RAX, RBX, 64, 1);
        if (!thin) {
            code.addLoaded(RAX, RDI, LOWER_C);
            code.storeTile(RAX, RBX, 0, 2);
            code.storeTile(RAX, RBX, 64, 3);
        }
    }

    /** When the block before is done. */
    private void storeSums(boolean last) {
        drain();
        code.load(RAX, RDI, BLOCK_SUMS);
        code.storeTile(RAX, RBP, 0, 0);
        code.storeTile(RAX, RBP, 64, 1);
        if (!thin) {
            code.storeTile(RAX, RBP, HALF_OF_SUMS, 2);
            code.storeTile(RAX, RBP, HALF_OF_SUMS + 64, 3);
        }
        if (last) {
            code.load(RDX, RDI, BLOCK_OF_C);
            code.load(RSI, RDI, ROWS);
            advance(BLOCK_OF_C, PITCH_OF_C);
        }
        advance(BLOCK_SUMS, PITCH_OF_SUMS);
    }

    /** The sums at the beginning of a chunk: zero, or what the chunks before have left, or C had before. */
    private void begin() {
        Assembler.Label first = new Assembler.Label();
        Assembler.Label done = new Assembler.Label();
        if (!straight || !accumulate) {
            code.load(RCX, RDI, CHUNKS_LEFT);
            code.load(R8, RDI, CHUNKS);
            code.subtract(RCX, R8);
            code.jumpIfZero(first);
        }
        code.load(R8, RDI, straight ? BLOCK_OF_C : BLOCK_SUMS);
        int stride = straight ? RBX : RBP;
        code.loadTile(0, R8, stride, 0);
        code.loadTile(1, R8, stride, 64);
        if (!thin) {
            if (straight) {
                code.addLoaded(R8, RDI, LOWER_C);
            } else {
                code.add(R8, HALF_OF_SUMS);
            }
            code.loadTile(2, R8, stride, 0);
            code.loadTile(3, R8, stride, 64);
        }
        code.jump(done);
        code.bind(first);
        for (int tile = 0; tile < (thin ? 2 : 4); tile++) {
            code.zeroTile(tile);
        }
        code.bind(done);
    }

    /** The steps of k: A's rows at r8 and r9, r11 bytes apart, B at r10, rcx steps. */
    private void steps(boolean last) {
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        step();
        for (int i = 0; i < ROWS_A_STEP && !straight; i++) {
            if (last) {
                expect();
            }
            Assembler.Label nothing = new Assembler.Label();
            code.test(RSI);
            code.jumpIfZero(nothing);
            finishRow();
            code.bind(nothing);
        }
        code.decrement(RCX);
        code.jumpIfNotZero(next);
    }

    private void step() {
        code.streamTile(4, R8, R11, 0);
        code.loadTile(6, R10, RBP, 0);
        code.loadTile(7, R10, RBP, 64);
        code.multiplyTiles(0, 4, 6);
        if (!thin) {
            code.streamTile(5, R9, R11, 0);
        }
        code.multiplyTiles(1, 4, 7);
        if (!thin) {
            code.multiplyTiles(2, 5, 6);
            code.multiplyTiles(3, 5, 7);
        }
        code.add(R8, STEP_OF_A);
        code.add(R9, STEP_OF_A);
        code.add(R10, STEP_OF_B);
    }

    /** Asks for a row of C that the block's sums will go to: into the second cache, since the first has few lines to wait with. */
    private void expect() {
        Assembler.Label nothing = new Assembler.Label();
        code.test(R15);
        code.jumpIfZero(nothing);
        code.prefetch(R14, 0);
        if (!half) {
            code.prefetch(R14, 64);
        }
        code.addRegister(R14, RBX);
        code.decrement(R15);
        code.bind(nothing);
    }

    /** A' B' on top. */
    private void term() {
        Assembler.Label next = new Assembler.Label();
        Assembler.Label none = new Assembler.Label();
        code.load(RCX, RDI, TERM_STEPS);
        code.test(RCX);
        code.jumpIfZero(none);
        code.load(R11, RDI, STRIDE_OF_TERM_A);
        code.load(R8, RDI, BLOCK_OF_TERM_A);
        code.mov(R9, R8);
        code.addLoaded(R9, RDI, LOWER_TERM_A);
        code.load(R10, RDI, COLUMN_OF_TERM_B);
        code.bind(next);
        step();
        code.decrement(RCX);
        code.jumpIfNotZero(next);
        code.bind(none);
    }

    /** The rows of the block before that are not in C yet. */
    private void drain() {
        Assembler.Label next = new Assembler.Label();
        Assembler.Label done = new Assembler.Label();
        code.test(RSI);
        code.jumpIfZero(done);
        code.bind(next);
        finishRow();
        code.jumpIfNotZero(next);
        code.bind(done);
    }

    /** One row of sums at rax goes to C at rdx; rsi such rows are left. */
    private void finishRow() {
        code.loadFloats(0, RAX, 0);
        code.loadFloats(1, RAX, 64);
        if (half) {
            if (accumulate) {
                code.widenWords(2, RDX, 0, LOWER);
                code.widenWords(3, RDX, 32, UPPER);
                code.shiftLeft(2, 16);
                code.shiftLeft(3, 16);
                code.addFloats(0, 0, 2);
                code.addFloats(1, 1, 3);
            }
            code.narrow(0, 1, 0);
            code.storeWords(RDX, 0, COLUMNS_MASK, 0);
        } else {
            if (accumulate) {
                code.addFloats(0, RDX, 0, LOWER);
                code.addFloats(1, RDX, 64, UPPER);
            }
            code.storeFloats(RDX, 0, LOWER, 0);
            code.storeFloats(RDX, 64, UPPER, 1);
        }
        code.add(RAX, ROW_OF_SUMS);
        code.addRegister(RDX, RBX);
        code.decrement(RSI);
    }

    private void copy(int from, int to) {
        code.load(RCX, RDI, from);
        code.store(RDI, to, RCX);
    }

    private void advance(int place, int by) {
        code.load(RCX, RDI, by);
        code.addStored(RDI, place, RCX);
    }
}
