package dev.lowrank.kernels.cpu;

import org.jspecify.annotations.Nullable;

/**
 * Products of a strip of bf16 rows with a packed matrix, sums in fp32, on one thread at a time:
 * {@code C = A B + A' B'}, or added to another matrix. What is added up is rounded once where the instance can.
 */
interface StripProduct extends AutoCloseable {
    /**
     * @param a address of A [m, k]; only m rows of k elements are read
     * @param stride elements from one row of A to the next
     * @param b address of the first of B's column blocks, laid out as {@link PackedMatrix} says, in one chunk
     * @param pitch bytes from one column block to the next
     */
    record Factors(long a, long stride, long b, long pitch, int k) {
        /** Some columns of A and the rows of B that go with them, from the beginning of a block of 32 on. */
        Factors part(int from, int count) {
            long columns = a + (long) from * Short.BYTES;
            long rows = b + (long) from * PackedMatrix.BLOCK * Short.BYTES;
            return new Factors(columns, stride, rows, pitch, count);
        }
    }

    /** C [m, n]: F32, or BF16 if half; rows {@code stride} elements apart. */
    record Target(long address, long stride, boolean half) {
        int bytes() {
            return half ? Short.BYTES : Float.BYTES;
        }
    }

    /** A bf16 product for this processor. */
    static StripProduct best() {
        return TileProduct.works() ? new TileProduct() : new CompiledProduct();
    }

    /** Rows of a strip that suits the caches, where A has k columns. */
    int rows(int k);

    /**
     * @param term A' and B', or null
     * @param base what is added, which is C itself or lies in no part of it; or null
     */
    void run(int m, int n, Factors factors, @Nullable Factors term, Target c, @Nullable Target base);

    /** The same in place, or overwriting C. */
    default void run(int m, int n, Factors factors, @Nullable Factors term, Target c, boolean accumulate) {
        run(m, n, factors, term, c, accumulate ? c : null);
    }

    /** Gives memory and code back. */
    @Override
    void close();
}
