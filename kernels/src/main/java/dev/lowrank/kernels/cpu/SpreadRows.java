package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;

/**
 * Rows of BF16 that products read again and again: where they lie, or a copy where they are F32 or lie such that 32 rows' elements of one
 * column meet in a few sets of the first cache.
 */
final class SpreadRows implements AutoCloseable {
    private static final int MEETING = 1024; // bytes: rows so far apart share 4 sets of 64
    private static final int GAP = 64; // bytes

    private final Scratch copy = new Scratch(); // BF16 [m, stride]

    /** Elements of so many bytes from one row to the next. */
    static long stride(int columns, int bytes) {
        return columns * bytes % MEETING == 0 ? columns + GAP / bytes : columns;
    }

    /** Elements that a row of BF16 takes here: none where it is read where it lies. */
    static long copied(int columns) {
        long stride = stride(columns, Short.BYTES);
        return stride == columns ? 0 : stride;
    }

    /** Rows {@code [i, i + m)} of a matrix. */
    Bf16Matmul.Left of(Tensor matrix, long i, int m) {
        int columns = matrix.columns();
        long stride = stride(columns, Short.BYTES);
        if (matrix.dtype() == DType.BF16 && stride == columns) {
            return new Bf16Matmul.Left(LowRankProducts.rows(matrix, i), columns, false);
        }
        Floats from = Floats.of(matrix);
        Floats to = new Floats(copy.atLeast(m * stride * Short.BYTES), true);
        for (int row = 0; row < m; row++) {
            Floats.convert(from, (i + row) * columns, to, row * stride, columns);
        }
        return new Bf16Matmul.Left(to.data(), stride, false);
    }

    @Override
    public void close() {
        copy.close();
    }
}
