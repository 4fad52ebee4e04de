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
 * The machine code of {@link CodedRows}. A query has the rows of some heads side by side, each of whole lines of 32 elements of
 * BF16; queries are apart in tensors and side by side in a block.
 */
final class RowCode {
    // Places in the memory that the code's argument points to, numbers of 64 bits.
    static final int TENSOR = 0;
    static final int STRIDE = 8; // bytes from one query to the next
    static final int BLOCK = 16;
    static final int NUMBERS = 24; // one for each row
    static final int QUERIES = 32;
    static final int HEADS = 40;
    static final int LINES = 48; // of a row
    static final int OTHER = 56; // bytes from the tensor to another one
    static final int BYTES = 64;

    private static final int LINE = 64; // bytes

    /** Queries that are asked for before they are read: the processor does not guess where rows continue. */
    private static final int AHEAD = 4;

    private final Assembler code = new Assembler();

    /** Copies rows to a block, and asks for those of the other tensor. */
    static byte[] gather() {
        RowCode rows = new RowCode();
        rows.writeGather();
        return rows.code.code();
    }

    /** Writes fp32 rows of a block, each times a number, rounded to BF16. */
    static byte[] scatter() {
        RowCode rows = new RowCode();
        rows.writeScatter();
        return rows.code.code();
    }

    /** Products of rows with those of another tensor; numbers are as far apart as {@link ScoreRows} has them. */
    static byte[] dots() {
        RowCode rows = new RowCode();
        rows.writeDots();
        return rows.code.code();
    }

    private void writeGather() {
        eachQuery(
                () -> {
                    code.mov(RCX, RAX);
                    code.addLoaded(RCX, RDI, OTHER);
                    code.mov(R11, RAX);
                    for (int i = 0; i < AHEAD; i++) {
                        code.addLoaded(R11, RDI, STRIDE);
                    }
                },
                () -> eachLine(() -> {
                    code.prefetch(R11, 0);
                    code.prefetch(RCX, 0);
                    code.add(RCX, LINE);
                    code.loadFloats(0, RAX, 0);
                    code.storeFloats(RDX, 0, 0, 0);
                    code.add(R11, LINE);
                    code.add(RDX, LINE);
                }));
    }

    private void writeScatter() {
        eachQuery(() -> {}, () -> {
            code.spread(2, RCX, 0);
            code.add(RCX, Float.BYTES);
            eachLine(() -> {
                for (int i = 0; i < 2; i++) {
                    code.loadFloats(i, RDX, i * LINE);
                    code.multiplyFloats(i, i, 2);
                }
                code.narrow(0, 1, 0);
                code.storeFloats(RAX, 0, 0, 0);
                code.add(RDX, 2 * LINE);
            });
        });
    }

    private void writeDots() {
        eachQuery(
                () -> {
                    code.mov(R11, RAX);
                    code.addLoaded(R11, RDI, OTHER);
                },
                () -> {
                    code.zero(0);
                    eachLine(() -> {
                        code.loadFloats(1, RAX, 0);
                        code.loadFloats(2, R11, 0);
                        code.multiplyPairs(0, 1, 2);
                        code.add(R11, LINE);
                    });
                    for (int by = 8; by > 0; by /= 2) {
                        code.rotate(1, 0, by);
                        code.addFloats(0, 0, 1);
                    }
                    code.storeFirst(RCX, 0, 0);
                    code.add(RCX, ScoreRows.BYTES);
                });
    }

    /** Queries begin at rax, the block's rows are at rdx, the numbers at rcx. */
    private void eachQuery(Runnable begin, Runnable head) {
        code.load(RSI, RDI, TENSOR);
        code.load(RDX, RDI, BLOCK);
        code.load(RCX, RDI, NUMBERS);
        code.load(R8, RDI, QUERIES);
        Assembler.Label nextQuery = new Assembler.Label();
        Assembler.Label nextHead = new Assembler.Label();
        code.bind(nextQuery);
        code.mov(RAX, RSI);
        begin.run();
        code.load(R9, RDI, HEADS);
        code.bind(nextHead);
        head.run();
        code.decrement(R9);
        code.jumpIfNotZero(nextHead);
        code.addLoaded(RSI, RDI, STRIDE);
        code.decrement(R8);
        code.jumpIfNotZero(nextQuery);
        code.zeroUpperHalves();
        code.ret();
    }

    private void eachLine(Runnable line) {
        Assembler.Label next = new Assembler.Label();
        code.load(R10, RDI, LINES);
        code.bind(next);
        line.run();
        code.add(RAX, LINE);
        code.decrement(R10);
        code.jumpIfNotZero(next);
    }
}
