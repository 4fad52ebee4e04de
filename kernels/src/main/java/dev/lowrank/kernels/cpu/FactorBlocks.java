package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Blocks of packed matrices filled from F32 matrices times a number: by machine code, or by {@link PackedMatrix#fillBlock}, with the
 * same bits but for numbers too small for a BF16 that is normal, which become zero.
 */
final class FactorBlocks {
    /** What one thread needs to work in. */
    static final long BYTES = PackedMatrix.BLOCK_BYTES + FactorCode.CONSTANTS;

    private static final int BLOCK = PackedMatrix.BLOCK;
    private static final int HALF = BLOCK / 2;

    private static final @Nullable MachineCode ROWS =
            MachineCode.ofVectors(FactorCode.rows()).orElse(null);
    private static final @Nullable MachineCode COLUMNS =
            MachineCode.ofVectors(FactorCode.columns()).orElse(null);

    private final MemorySegment rounded; // BF16 [32, 32]
    private final MemorySegment constants;

    FactorBlocks(MemorySegment memory) {
        rounded = memory.asSlice(0, PackedMatrix.BLOCK_BYTES);
        constants = memory.asSlice(PackedMatrix.BLOCK_BYTES, FactorCode.CONSTANTS);
        for (int i = 0; i < BLOCK; i++) {
            constants.set(JAVA_SHORT, FactorCode.ORDER + (long) i * Short.BYTES, (short) (i / 2 + i % 2 * HALF));
        }
    }

    /** @param source B [k, n], or its transpose [n, k], dense */
    void fill(PackedMatrix matrix, int block, MemorySegment source, float factor, boolean transposed) {
        int i = block % PackedMatrix.blocks(matrix.k());
        int j = block / PackedMatrix.blocks(matrix.k());
        int rows = Math.min(BLOCK, matrix.k() - i * BLOCK);
        int columns = Math.min(BLOCK, matrix.n() - j * BLOCK);
        if (ROWS == null || COLUMNS == null || !transposed && rows % 2 != 0) {
            matrix.fillBlock(block, source, factor, transposed, rounded);
            return;
        }
        long stride = transposed ? matrix.k() : matrix.n();
        long from = BLOCK * (transposed ? j * stride + i : i * stride + j);
        long row = stride * Float.BYTES;
        long at = source.address() + from * Float.BYTES;
        long target = matrix.data().address() + matrix.block(i, j);
        constants.set(JAVA_FLOAT, FactorCode.FACTOR, factor);
        if (!transposed) {
            masks(columns);
            ROWS.call(at, row, target, rows / 2, constants.address(), HALF - rows / 2);
            return;
        }
        for (int half = 0; half < 2; half++) {
            int there = Math.clamp(columns - half * HALF, 0, HALF);
            masks(there == 0 ? 0 : rows);
            COLUMNS.call(
                    at + half * HALF * row,
                    row,
                    target + half * HALF * Integer.BYTES,
                    Math.max(there, 1),
                    constants.address(),
                    0);
        }
    }

    /** So many of 32 numbers are there. */
    private void masks(int count) {
        int mask = (int) ((1L << count) - 1);
        constants.set(JAVA_INT, FactorCode.LOWER, mask & 0xFFFF);
        constants.set(JAVA_INT, FactorCode.UPPER, mask >>> HALF);
    }
}
