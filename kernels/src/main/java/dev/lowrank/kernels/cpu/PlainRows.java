package dev.lowrank.kernels.cpu;

import static dev.lowrank.kernels.cpu.Assembler.R13;
import static dev.lowrank.kernels.cpu.Assembler.R14;
import static dev.lowrank.kernels.cpu.Assembler.RAX;
import static dev.lowrank.kernels.cpu.Assembler.RBX;
import static dev.lowrank.kernels.cpu.Assembler.RDX;

/**
 * Sums go to C or are added to it.
 *
 * @param half C is BF16, not F32
 */
record PlainRows(boolean half, boolean accumulate) implements TileRows {
    @Override
    public int bytes() {
        return half ? Short.BYTES : Float.BYTES;
    }

    @Override
    public void expect(Assembler code) {
        code.prefetch(R14, 0);
        if (!half) {
            code.prefetch(R14, 64);
        }
    }

    @Override
    public void finish(Assembler code, int rows) {
        int c = RDX;
        for (int row = 0; row < rows; row++) {
            code.loadFloats(0, RAX, row * TileCode.ROW_OF_SUMS);
            code.loadFloats(1, RAX, row * TileCode.ROW_OF_SUMS + 64);
            if (row > 0) {
                c = R13;
                code.mov(R13, RDX);
                code.addRegister(R13, RBX);
            }
            if (half) {
                halves(code, c);
            } else {
                floats(code, c);
            }
        }
    }

    private void halves(Assembler code, int c) {
        if (accumulate) {
            code.widenWords(2, c, 0, TileCode.LOWER);
            code.widenWords(3, c, 32, TileCode.UPPER);
            code.shiftLeft(2, 16);
            code.shiftLeft(3, 16);
            code.addFloats(0, 0, 2);
            code.addFloats(1, 1, 3);
        }
        code.narrow(0, 1, 0);
        code.storeWords(c, 0, TileCode.COLUMNS_MASK, 0);
    }

    private void floats(Assembler code, int c) {
        if (accumulate) {
            code.addFloats(0, c, 0, TileCode.LOWER);
            code.addFloats(1, c, 64, TileCode.UPPER);
        }
        code.storeFloats(c, 0, TileCode.LOWER, 0);
        code.storeFloats(c, 64, TileCode.UPPER, 1);
    }
}
