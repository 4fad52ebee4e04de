package dev.lowrank.kernels.cpu;

import static dev.lowrank.kernels.cpu.Assembler.R13;
import static dev.lowrank.kernels.cpu.Assembler.RAX;
import static dev.lowrank.kernels.cpu.Assembler.RBX;
import static dev.lowrank.kernels.cpu.Assembler.RDI;
import static dev.lowrank.kernels.cpu.Assembler.RDX;

import java.util.function.IntConsumer;
import java.util.function.IntUnaryOperator;

/**
 * Sums of a gated feed-forward's product go through the SiLU gate. All matrices are BF16, with rows as far apart as C's; but what is kept
 * between both passes lies in the order in which it is worked on, line after line, so that memory is written and read as fast as it can.
 */
enum GatedRows implements TileRows {
    /**
     * The sums are up's result. C holds the gate's and becomes {@code silu(gate) up}; both results are kept at {@link #GATE} and
     * {@link #UP}, past the caches, since they are not read again soon.
     */
    VALUES {
        @Override
        public void finish(Assembler code, int rows) {
            for (int row = 0; row < rows; row++) {
                int u = SiluCode.free(0);
                roundSums(code, u, row);
                code.load(R13, RDI, UP);
                code.streamFloats(R13, row * LINE, u);
                to(code, C, row);
                code.loadFloats(u, R13, 0);
                widen(code, SiluCode::z, row);
                code.load(R13, RDI, GATE);
                code.streamFloats(R13, row * LINE, u);
            }
            advance(code, rows);
            new SiluCode(code).values(2 * rows);
            for (int row = 0; row < rows; row++) {
                to(code, SUMS, row);
                widen(code, SiluCode::free, row);
                each(row, v -> code.multiplyFloats(SiluCode.silu(v), SiluCode.silu(v), SiluCode.free(v)));
                store(code, SiluCode::silu, C, row);
            }
        }

        @Override
        public void end(Assembler code) {
            super.end(code);
            code.fence();
        }
    },

    /**
     * The sums are the gradient of {@code silu(gate) up}, {@link #GATE} and {@link #UP} are read, C becomes the gate's gradient,
     * {@link #D_UP} up's, and {@link #VALUE} what has been gated.
     */
    GRADIENTS {
        @Override
        public void finish(Assembler code, int rows) {
            for (int row = 0; row < rows; row++) {
                roundSums(code, SiluCode.free(0), row);
                line(code, GATE, row);
                widen(code, SiluCode::z, row);
                code.prefetch(R13, AHEAD);
            }
            new SiluCode(code).slopes(2 * rows);
            for (int row = 0; row < rows; row++) {
                line(code, UP, row);
                widen(code, SiluCode::z, row);
                code.prefetch(R13, AHEAD);
                to(code, SUMS, row);
                widen(code, SiluCode::free, row);
                each(row, v -> {
                    int d = SiluCode.free(v);
                    int up = SiluCode.z(v);
                    int silu = SiluCode.silu(v);
                    int slope = SiluCode.slope(v);
                    code.multiplyFloats(LEFT, d, up);
                    code.multiplyFloats(slope, LEFT, slope);
                    code.multiplyFloats(d, d, silu);
                    code.multiplyFloats(silu, silu, up);
                });
                store(code, SiluCode::slope, C, row);
                store(code, SiluCode::free, D_UP, row);
                store(code, SiluCode::silu, VALUE, row);
            }
            advance(code, rows);
        }
    };

    static final int GATE = TileCode.OTHERS;
    static final int UP = TileCode.OTHERS + 8;
    static final int D_UP = TileCode.OTHERS + 16;
    static final int VALUE = TileCode.OTHERS + 24;

    private static final int C = -1; // places of which the address is at hand
    private static final int SUMS = -2;

    private static final int HALF = 32; // bytes of 16 elements
    private static final int LINE = 64; // bytes
    private static final int AHEAD = 64 * LINE;
    private static final int LEFT = 29; // a vector that SiluCode does not use

    /** What is worked on is in the cache, and what was kept is asked for in its own order. */
    @Override
    public void expect(Assembler code) {}

    @Override
    public int bytes() {
        return Short.BYTES;
    }

    @Override
    public void prepare(Assembler code) {
        code.storeControl(RDI, TileCode.CONTROL_BEFORE);
        code.loadControl(RDI, TileCode.CONTROL);
        new SiluCode(code).constants(RDI, TileCode.CONSTANTS);
    }

    @Override
    public void end(Assembler code) {
        code.loadControl(RDI, TileCode.CONTROL_BEFORE);
    }

    /** The row of sums as BF16, where it lies and in a register. */
    private static void roundSums(Assembler code, int to, int row) {
        code.loadFloats(to, RAX, row * TileCode.ROW_OF_SUMS);
        code.loadFloats(LEFT, RAX, row * TileCode.ROW_OF_SUMS + 64);
        code.narrow(to, LEFT, to);
        code.storeFloats(RAX, row * TileCode.ROW_OF_SUMS, 0, to);
    }

    /** To r13 a line of what is kept. */
    private static void line(Assembler code, int place, int row) {
        code.load(R13, RDI, place);
        code.add(R13, row * LINE);
    }

    private static void advance(Assembler code, int rows) {
        code.set(R13, rows * LINE);
        code.addStored(RDI, GATE, R13);
        code.addStored(RDI, UP, R13);
    }

    /** To r13 the row of a matrix. */
    private static void to(Assembler code, int place, int row) {
        if (place == SUMS) {
            code.mov(R13, RAX);
            code.add(R13, row * TileCode.ROW_OF_SUMS);
            return;
        }
        code.mov(R13, RDX);
        if (place != C) {
            code.addLoaded(R13, RDI, place);
        }
        if (row > 0) {
            code.addRegister(R13, RBX);
        }
    }

    private static void each(int row, IntConsumer instructions) {
        instructions.accept(2 * row);
        instructions.accept(2 * row + 1);
    }

    /** The row at r13. */
    private static void widen(Assembler code, IntUnaryOperator to, int row) {
        each(row, v -> code.widenHalves(to.applyAsInt(v), R13, v % 2 * HALF));
    }

    private static void store(Assembler code, IntUnaryOperator from, int place, int row) {
        int lower = from.applyAsInt(2 * row);
        int upper = from.applyAsInt(2 * row + 1);
        code.narrow(lower, upper, lower);
        to(code, place, row);
        code.storeFloats(R13, 0, 0, lower);
    }
}
