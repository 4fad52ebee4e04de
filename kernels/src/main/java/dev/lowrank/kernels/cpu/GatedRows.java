package dev.lowrank.kernels.cpu;

import static dev.lowrank.kernels.cpu.Assembler.R13;
import static dev.lowrank.kernels.cpu.Assembler.R14;
import static dev.lowrank.kernels.cpu.Assembler.RAX;
import static dev.lowrank.kernels.cpu.Assembler.RDI;
import static dev.lowrank.kernels.cpu.Assembler.RDX;

/** Sums of a gated feed-forward's product go through the SiLU gate, all matrices being BF16 with rows as far apart as C's. */
enum GatedRows implements TileRows {
    /**
     * The sums are up's result. C holds the gate's and becomes {@code silu(gate) up}; both results go to {@link #GATE} and
     * {@link #UP}, which are lines of their own and are not read again soon: past the caches.
     */
    VALUES {
        @Override
        public void expect(Assembler code) {}

        @Override
        public void finish(Assembler code) {
            roundSums(code);
            to(code, UP);
            code.streamFloats(R13, 0, 0);
            code.loadFloats(0, RDX, 0);
            to(code, GATE);
            code.streamFloats(R13, 0, 0);
            for (int half = 0; half < 2; half++) {
                code.widenHalves(4, RDX, half * HALF);
                code.widenHalves(6, RAX, half * HALF);
                new SiluCode(code).gated(half, 4, 6);
            }
            code.narrow(0, 1, 0);
            code.storeFloats(RDX, 0, 0, 0);
        }

        @Override
        public void end(Assembler code) {
            code.fence();
        }
    },

    /**
     * The sums are the gradient of {@code silu(gate) up}, {@link #GATE} and {@link #UP} are read, C becomes the gate's gradient,
     * {@link #D_UP} up's, and {@link #VALUE} what has been gated.
     */
    GRADIENTS {
        @Override
        public void expect(Assembler code) {
            for (int place : new int[] {GATE, UP}) {
                code.load(R13, RDI, place);
                code.addRegister(R13, R14);
                code.prefetch(R13, 0);
            }
        }

        @Override
        public void finish(Assembler code) {
            roundSums(code);
            for (int half = 0; half < 2; half++) {
                to(code, GATE);
                code.widenHalves(4, R13, half * HALF);
                to(code, UP);
                code.widenHalves(6, R13, half * HALF);
                code.widenHalves(7, RAX, half * HALF);
                new SiluCode(code).gradients(half, 2 + half, 14 + half, 4, 6, 7);
                code.multiplyFloats(14 + half, 14 + half, 6);
            }
            code.narrow(0, 1, 0);
            code.storeFloats(RDX, 0, 0, 0);
            code.narrow(2, 3, 2);
            to(code, D_UP);
            code.storeFloats(R13, 0, 0, 2);
            code.narrow(14, 15, 14);
            to(code, VALUE);
            code.storeFloats(R13, 0, 0, 14);
        }
    };

    static final int GATE = TileCode.OTHERS;
    static final int UP = TileCode.OTHERS + 8;
    static final int D_UP = TileCode.OTHERS + 16;
    static final int VALUE = TileCode.OTHERS + 24;

    private static final int HALF = 32; // bytes of 16 elements

    @Override
    public int bytes() {
        return Short.BYTES;
    }

    @Override
    public void prepare(Assembler code) {
        new SiluCode(code).constants(RDI, TileCode.CONSTANTS);
    }

    /** The row of sums as BF16, where it lies. */
    private static void roundSums(Assembler code) {
        code.loadFloats(0, RAX, 0);
        code.loadFloats(1, RAX, 64);
        code.narrow(0, 1, 0);
        code.storeFloats(RAX, 0, 0, 0);
    }

    /** To r13 the row of another matrix. */
    private static void to(Assembler code, int place) {
        code.load(R13, RDI, place);
        code.addRegister(R13, RDX);
    }
}
