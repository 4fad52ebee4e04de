package dev.lowrank.kernels.cpu;

import static dev.lowrank.kernels.cpu.Assembler.R14;
import static dev.lowrank.kernels.cpu.Assembler.RAX;
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
    public void finish(Assembler code) {
        code.loadFloats(0, RAX, 0);
        code.loadFloats(1, RAX, 64);
        if (half) {
            halves(code);
        } else {
            floats(code);
        }
    }

    private void halves(Assembler code) {
        if (accumulate) {
            code.widenWords(2, RDX, 0, TileCode.LOWER);
            code.widenWords(3, RDX, 32, TileCode.UPPER);
            code.shiftLeft(2, 16);
            code.shiftLeft(3, 16);
            code.addFloats(0, 0, 2);
            code.addFloats(1, 1, 3);
        }
        code.narrow(0, 1, 0);
        code.storeWords(RDX, 0, TileCode.COLUMNS_MASK, 0);
    }

    private void floats(Assembler code) {
        if (accumulate) {
            code.addFloats(0, RDX, 0, TileCode.LOWER);
            code.addFloats(1, RDX, 64, TileCode.UPPER);
        }
        code.storeFloats(RDX, 0, TileCode.LOWER, 0);
        code.storeFloats(RDX, 64, TileCode.UPPER, 1);
    }
}
