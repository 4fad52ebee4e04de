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
 * The machine code of {@link TileSums}: for 64 columns of the wide factor at a time, four tiles of sums stay in their registers
 * while all its rows pass by, 16 at a step.
 */
final class SumCode {
    // Places in the memory that the code's argument points to: numbers of 64 bits, then the tiles.
    static final int THIN = 0; // for each step a tile for even columns and one for odd ones
    static final int WIDE = 8;
    static final int STRIDE_OF_WIDE = 16; // bytes
    static final int STEPS = 24;
    static final int SUM = 32;
    static final int STRIDE_OF_SUM = 40; // bytes
    static final int COLUMN_BLOCKS = 48; // of 64; counted down
    static final int STEP_OF_WIDE = 56; // bytes: 16 rows
    static final int TILES = 64; // their configuration, 64 bytes
    static final int BYTES = 128;

    private static final int TILE = 1024; // bytes
    private static final int ROW = 64; // bytes of a tile's row: 32 columns of BF16, 16 of F32
    private static final int COLUMNS = 64;

    private final Assembler code = new Assembler();

    private SumCode() {}

    /**
     * A function of one argument, the address of the memory described above.
     *
     * @param accumulate add to what is there
     */
    static byte[] of(boolean accumulate) {
        SumCode sum = new SumCode();
        sum.write(accumulate);
        return sum.code.code();
    }

    /**
     * {@code f(source, stride, target, steps)}: 16 columns of BF16 rows, so many bytes apart, become tiles, for each 16 rows one for even
     * columns of the wide factor and one for odd ones.
     */
    static byte[] turned() {
        SumCode sum = new SumCode();
        sum.writeTurned();
        return sum.code.code();
    }

    private void writeTurned() {
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        for (int row = 0; row < Transposition.SIZE; row++) {
            code.widenWords(row, RDI, 0, 0);
            code.addRegister(RDI, RSI);
        }
        LayoutCode.transpose(code, word -> {
            for (int i = 0; i < 4; i++) {
                int place = (word + 4 * i) * ROW;
                code.storeFloats(RDX, place, 0, LayoutCode.RESULTS + i);
                code.shiftLeft(LayoutCode.RESULTS + i, Short.SIZE);
                code.storeFloats(RDX, TILE + place, 0, LayoutCode.RESULTS + i);
            }
        });
        code.add(RDX, 2 * TILE);
        code.decrement(RCX);
        code.jumpIfNotZero(next);
        code.zeroUpperHalves();
        code.ret();
    }

    private void write(boolean accumulate) {
        code.loadTileConfiguration(RDI, TILES);
        code.load(R8, RDI, WIDE);
        code.load(R9, RDI, SUM);
        code.load(R11, RDI, STRIDE_OF_WIDE);
        code.load(RSI, RDI, STRIDE_OF_SUM);
        code.set(R10, ROW);
        Assembler.Label next = new Assembler.Label();
        code.bind(next);
        for (int tile = 0; tile < 4; tile++) {
            if (accumulate) {
                code.loadTile(tile, R9, RSI, place(tile));
            } else {
                code.zeroTile(tile);
            }
        }
        steps();
        for (int tile = 0; tile < 4; tile++) {
            code.storeTile(R9, RSI, place(tile), tile);
        }
        code.add(R8, COLUMNS * Short.BYTES);
        code.add(R9, COLUMNS * Float.BYTES);
        code.decrementStored(RDI, COLUMN_BLOCKS);
        code.jumpIfNotZero(next);
        code.releaseTiles();
        code.ret();
    }

    /** Tiles 0 and 1 have the even columns of the first and the last 32, 2 and 3 the odd ones, which lie behind them. */
    private static int place(int tile) {
        return (tile % 2 * 2 + tile / 2) * ROW;
    }

    private void steps() {
        Assembler.Label next = new Assembler.Label();
        code.load(RAX, RDI, THIN);
        code.mov(RCX, R8);
        code.load(RDX, RDI, STEPS);
        code.bind(next);
        code.loadTile(4, RAX, R10, 0);
        code.streamTile(6, RCX, R11, 0);
        code.streamTile(7, RCX, R11, ROW);
        code.multiplyTiles(0, 4, 6);
        code.loadTile(5, RAX, R10, TILE);
        code.multiplyTiles(1, 4, 7);
        code.multiplyTiles(2, 5, 6);
        code.multiplyTiles(3, 5, 7);
        code.add(RAX, 2 * TILE);
        code.addLoaded(RCX, RDI, STEP_OF_WIDE);
        code.decrement(RDX);
        code.jumpIfNotZero(next);
    }
}
