package dev.lowrank.kernels.cpu;

import static dev.lowrank.kernels.cpu.Assembler.R13;
import static dev.lowrank.kernels.cpu.Assembler.R14;
import static dev.lowrank.kernels.cpu.Assembler.RAX;
import static dev.lowrank.kernels.cpu.Assembler.RBX;
import static dev.lowrank.kernels.cpu.Assembler.RDI;
import static dev.lowrank.kernels.cpu.Assembler.RDX;

/**
 * Sums go to C, or what is added to a base, which may be C itself.
 *
 * @param half C is BF16, not F32
 */
record PlainRows(boolean half, Base base) implements TileRows {
    /** From C to a base {@link Base#BESIDE} it, in bytes. */
    static final int OFFSET = TileCode.OTHERS;

    /** What is added. */
    enum Base {
        NONE(0),
        /** As C in its elements and from row to row: C itself, or at an offset, which needs no addresses of its own. */
        BESIDE(0),
        FLOATS(Float.BYTES),
        HALVES(Short.BYTES);

        /** Of an element where it has addresses of its own. */
        private final int bytes;

        Base(int bytes) {
            this.bytes = bytes;
        }
    }

    @Override
    public int bytes() {
        return half ? Short.BYTES : Float.BYTES;
    }

    @Override
    public int bytesOfBase() {
        return base.bytes;
    }

    @Override
    public void expect(Assembler code) {
        expect(code, R14, bytes());
        if (base == Base.BESIDE) {
            code.mov(R13, R14);
            code.addLoaded(R13, RDI, OFFSET);
            expect(code, R13, bytes());
        } else if (base != Base.NONE) {
            code.load(R13, RDI, TileCode.BASE_AHEAD);
            expect(code, R13, base.bytes);
            advance(code, TileCode.BASE_AHEAD);
        }
    }

    private static void expect(Assembler code, int row, int bytes) {
        code.prefetch(row, 0);
        if (bytes == Float.BYTES) {
            code.prefetch(row, 64);
        }
    }

    @Override
    public void finish(Assembler code, int rows) {
        for (int row = 0; row < rows; row++) {
            code.loadFloats(0, RAX, row * TileCode.ROW_OF_SUMS);
            code.loadFloats(1, RAX, row * TileCode.ROW_OF_SUMS + 64);
            if (base == Base.BESIDE) {
                to(code, row);
                code.addLoaded(R13, RDI, OFFSET);
                addBase(code);
            } else if (base != Base.NONE) {
                code.load(R13, RDI, TileCode.BASE_ROW);
                addBase(code);
                advance(code, TileCode.BASE_ROW);
            }
            to(code, row);
            store(code);
        }
    }

    private static void advance(Assembler code, int row) {
        code.load(R13, RDI, TileCode.STRIDE_OF_BASE);
        code.addStored(RDI, row, R13);
    }

    /** To r13 the row of C. */
    private static void to(Assembler code, int row) {
        code.mov(R13, RDX);
        if (row > 0) {
            code.addRegister(R13, RBX);
        }
    }

    private void addBase(Assembler code) {
        if (base == Base.HALVES || base == Base.BESIDE && half) {
            code.widenWords(2, R13, 0, TileCode.LOWER);
            code.widenWords(3, R13, 32, TileCode.UPPER);
            code.shiftLeft(2, 16);
            code.shiftLeft(3, 16);
            code.addFloats(0, 0, 2);
            code.addFloats(1, 1, 3);
        } else {
            code.addFloats(0, R13, 0, TileCode.LOWER);
            code.addFloats(1, R13, 64, TileCode.UPPER);
        }
    }

    private void store(Assembler code) {
        if (half) {
            code.narrow(0, 1, 0);
            code.storeWords(R13, 0, TileCode.COLUMNS_MASK, 0);
        } else {
            code.storeFloats(R13, 0, TileCode.LOWER, 0);
            code.storeFloats(R13, 64, TileCode.UPPER, 1);
        }
    }
}
