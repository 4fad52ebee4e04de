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
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The machine code of {@link TileProduct}. It walks C in blocks of 32 x 32, four tiles of sums, down a block of 32 columns
 * of B and then on to the next, so that this block of B stays in the first cache while the rows of A stream past it and
 * the next block is asked for.
 *
 * <p>A block's sums are put down in memory, and what becomes of them ({@link TileRows}) is done two rows at each step of k, while the
 * next block is being summed: at once it would wait for the tiles to come down.
 *
 * <p>Where C is F32, is overwritten and has whole blocks, tiles are put down in C itself ({@link #straight}).
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
    static final int BASE = 344; // what is added, if anything
    static final int STRIDE_OF_BASE = 352; // bytes
    static final int PITCH_OF_BASE = 360; // from one block of rows to the next, in bytes
    private static final int COLUMN_OF_BASE = 368;
    private static final int BLOCK_OF_BASE = 376;
    static final int BASE_ROW = 384; // the one that is added next, by TileRows
    static final int BASE_AHEAD = 392; // the one that is asked for next, by TileRows
    static final int OTHERS = 400; // four places of TileRows
    static final int CONTROL = 432; // of the vectors, for the time of the call if TileRows want it; 32 bits
    static final int CONTROL_BEFORE = 436;
    static final int TILES = 448; // their configuration, 64 bytes
    static final int CONSTANTS = 512; // HalfSigmoid.CONSTANTS
    static final int BYTES = 576;

    private static final int STEP_OF_A = 64; // bytes: 32 elements
    private static final int STEP_OF_B = 2048;
    static final int ROW_OF_SUMS = 128;
    private static final int HALF_OF_SUMS = 16 * ROW_OF_SUMS;
    private static final int ROWS_A_STEP = 2;
    private static final int LINE = 64;

    /** Lines of the next block of B that are asked for at a step: all of it within 256 rows. */
    private static final int LINES_AHEAD = 4;

    // Masks of columns, in the order of their places.
    static final int COLUMNS_MASK = 1;
    static final int LOWER = 2;
    static final int UPPER = 3;

    private final Assembler code = new Assembler();
    private final @Nullable TileRows finish;
    private final boolean thin;
    private final int bytesOfBase;

    private TileCode(@Nullable TileRows finish, boolean thin) {
        this.finish = finish;
        this.thin = thin;
        this.bytesOfBase = finish == null ? 0 : finish.bytesOfBase();
    }

    /**
     * A function of one argument, the address of the memory described above.
     *
     * @param rows what becomes of the sums
     * @param thin blocks have 16 rows at most: there are no lower tiles
     */
    static byte[] of(TileRows rows, boolean thin) {
        TileCode product = new TileCode(rows, thin);
        product.write();
        return product.code.code();
    }

    /** The same for F32 that is overwritten, in whole blocks of 32 columns; sums wait in C between chunks. */
    static byte[] straight(boolean thin) {
        TileCode product = new TileCode(null, thin);
        product.write();
        return product.code.code();
    }

    /** What the tiles hold, written to memory: 0, 1 and 4 have the upper rows, 2, 3 and 5 the lower, 6 and 7 are B's. */
    static void configuration(MemorySegment memory, long at, int upperRows, int lowerRows) {
        memory.set(JAVA_BYTE, at, (byte) 1); // the only palette there is
        for (int tile = 0; tile < 8; tile++) {
            boolean upper = tile < 2 || tile == 4;
            int rows = tile > 5 ? 16 : upper ? upperRows : lowerRows;
            memory.set(JAVA_SHORT, at + 16 + 2L * tile, (short) (rows == 0 ? 0 : LINE));
            memory.set(JAVA_BYTE, at + 48L + tile, (byte) rows);
        }
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
        if (finish != null) {
            finish.prepare(code);
        }
        columns();
        if (finish != null) {
            drain(finish);
            finish.end(code);
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
        if (bytesOfBase > 0) {
            copy(BASE, COLUMN_OF_BASE);
        }
        copy(COLUMN_BLOCKS, COLUMNS_LEFT);
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        nextBlock();
        chunks();
        advance(COLUMN_OF_B, PITCH_OF_B);
        code.set(RCX, 32 * (finish == null ? Float.BYTES : finish.bytes()));
        code.addStored(RDI, COLUMN_OF_C, RCX);
        if (bytesOfBase > 0) {
            code.set(RCX, 32 * bytesOfBase);
            code.addStored(RDI, COLUMN_OF_BASE, RCX);
        }
        advance(COLUMN_OF_TERM_B, PITCH_OF_TERM_B);
        code.decrementStored(RDI, COLUMNS_LEFT);
        code.jumpIfNotZero(next);
    }

    /** What is asked for first at r12: the block of B behind this one, or this one itself if it is the last. */
    private void nextBlock() {
        Assembler.Label last = new Assembler.Label();
        code.load(R12, RDI, COLUMN_OF_B);
        code.compareStored(RDI, COLUMNS_LEFT, 1);
        code.jumpIfZero(last);
        code.addLoaded(R12, RDI, PITCH_OF_B);
        code.bind(last);
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
        if (bytesOfBase > 0) {
            copy(COLUMN_OF_BASE, BLOCK_OF_BASE);
        }
        copy(TERM_A, BLOCK_OF_TERM_A);
        copy(SUMS, BLOCK_SUMS);
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        begin();
        code.load(R11, RDI, STRIDE_OF_A);
        code.load(R8, RDI, BLOCK_OF_A);
        code.mov(R9, R8);
        code.addLoaded(R9, RDI, LOWER_A);
        code.load(R10, RDI, CHUNK_OF_B);
        if (last && bytesOfBase > 0) {
            copy(BLOCK_OF_BASE, BASE_AHEAD);
        }
        code.load(RCX, RDI, STEPS_NOW);
        if (last && finish != null) {
            code.load(R14, RDI, BLOCK_OF_C);
            code.load(R15, RDI, ROWS);
        }
        steps(last);
        if (last) {
            term();
        }
        if (finish == null) {
            code.load(RAX, RDI, BLOCK_OF_C);
            storeStraight();
            advance(BLOCK_OF_C, PITCH_OF_C);
        } else {
            storeSums(finish, last);
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
    private void storeSums(TileRows finish, boolean last) {
        drain(finish);
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
            if (bytesOfBase > 0) {
                copy(BLOCK_OF_BASE, BASE_ROW);
                advance(BLOCK_OF_BASE, PITCH_OF_BASE);
            }
        }
        advance(BLOCK_SUMS, PITCH_OF_SUMS);
    }

    /** The sums at the beginning of a chunk: zero, or what the chunks before have left. */
    private void begin() {
        Assembler.Label first = new Assembler.Label();
        Assembler.Label done = new Assembler.Label();
        code.load(RCX, RDI, CHUNKS_LEFT);
        code.load(R8, RDI, CHUNKS);
        code.subtract(RCX, R8);
        code.jumpIfZero(first);
        boolean straight = finish == null;
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
        for (int i = 0; i < LINES_AHEAD; i++) {
            code.prefetch(R12, i * LINE);
        }
        code.add(R12, LINES_AHEAD * LINE);
        if (finish != null) {
            for (int i = 0; i < ROWS_A_STEP && last; i++) {
                expect(finish);
            }
            finishRows(finish);
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

    private void expect(TileRows finish) {
        Assembler.Label nothing = new Assembler.Label();
        code.test(R15);
        code.jumpIfZero(nothing);
        finish.expect(code);
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

    /** The rows of the block before that are not finished yet. */
    private void drain(TileRows finish) {
        Assembler.Label next = new Assembler.Label();
        Assembler.Label done = new Assembler.Label();
        code.bind(next);
        code.test(RSI);
        code.jumpIfZero(done);
        finishRows(finish);
        code.jump(next);
        code.bind(done);
    }

    /** Two rows of sums at rax that go to C at rdx, or one, or none: rsi such rows are left. */
    private void finishRows(TileRows finish) {
        Assembler.Label one = new Assembler.Label();
        Assembler.Label done = new Assembler.Label();
        code.test(RSI);
        code.jumpIfZero(done);
        code.decrement(RSI);
        code.jumpIfZero(one);
        code.decrement(RSI);
        finishRows(finish, 2);
        code.jump(done);
        code.bind(one);
        finishRows(finish, 1);
        code.bind(done);
    }

    private void finishRows(TileRows finish, int rows) {
        finish.finish(code, rows);
        code.add(RAX, rows * ROW_OF_SUMS);
        for (int i = 0; i < rows; i++) {
            code.addRegister(RDX, RBX);
        }
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
