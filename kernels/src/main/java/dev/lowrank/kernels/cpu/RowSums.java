package dev.lowrank.kernels.cpu;

import java.lang.foreign.MemorySegment;

/**
 * Products of two strips of bf16 rows that sum over the rows, {@code sum = thin^T wide} or added to the sum, in fp32 on one
 * thread: the gradients of low-rank factors.
 */
interface RowSums extends AutoCloseable {
    /** Sums for this processor. */
    static RowSums best(Bf16Matmul.Part part) {
        return TileSums.works() ? new TileSums() : new PackedSums(part);
    }

    /** Elements from one row of a sum of n columns to the next. */
    static int stride(int n) {
        return (n + 63) / 64 * 64;
    }

    /** Bytes of a sum. */
    static long bytes(int rank, int n) {
        return (rank + 15) / 16 * 16L * stride(n) * Float.BYTES;
    }

    /**
     * @param thin BF16 [m, r]
     * @param wide BF16 [m, n]
     * @param sum F32 [r, n], its columns in an order of its own until {@link #order}
     */
    default void add(
            int m, int rank, MemorySegment thin, int n, MemorySegment wide, MemorySegment sum, boolean accumulate) {
        add(m, rank, thin, n, wide, n, sum, stride(n), accumulate);
    }

    /**
     * The same with rows of wide and of the sum further apart, so that they are some columns of a sum: 64, or a multiple of it, but for the
     * last ones.
     */
    void add(
            int m,
            int rank,
            MemorySegment thin,
            int n,
            MemorySegment wide,
            long strideOfWide,
            MemorySegment sum,
            long strideOfSum,
            boolean accumulate);

    /** Puts the columns {@code [from, to)} of some rows in order; both are multiples of 32. */
    void order(MemorySegment sum, int rank, int n, int from, int to);

    @Override
    void close();
}
