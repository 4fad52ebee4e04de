package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/**
 * Products of BF16 matrices with sums in fp32, {@code C = A B} or {@code C += A B}, compiled by oneDNN for
 * one {@link Form} each when that is first asked for, which takes about a millisecond, and kept: callers must see to it that
 * the forms they ask for are few, however their lengths vary.
 *
 * <p>An instance belongs to one thread at a time, as one part of a {@link Team} does, and computes on it alone. oneDNN
 * itself shares what it compiled between instances.
 */
final class Bf16Gemm implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final Scratch work = new Scratch();
    private final Map<Form, Product> products = new HashMap<>();

    /** How the right matrix B [k, n] is stored. */
    enum Right {
        /** Row by row: {@code ldb} elements from one k to the next. */
        ROWS,
        /** Its transposed row by row: {@code ldb} elements from one n to the next. */
        TRANSPOSED,
        /**
         * In the order in which the processor wants it: [n / 32][k / 32][16][32][2], where element (k, n) is at
         * {@code [n / 32][k / 32][k / 2 % 16][n % 32][k % 2]}; zeros fill it up to multiples of 32. ldb is not used.
         */
        PACKED,
        /** The same with 64 in place of 32 for n: [n / 64][k / 32][16][64][2], where 64 columns of B go on with k. */
        PACKED_64
    }

    /**
     * A product, but for where its matrices begin. Leading dimensions count the elements between two stored rows.
     *
     * @param transposeA A is stored as [k, m]
     * @param result F32, or BF16 to round the sums
     * @param accumulate add to C, whose old numbers are otherwise not read
     */
    record Form(
            int m,
            int k,
            int n,
            boolean transposeA,
            int lda,
            Right right,
            int ldb,
            DType result,
            int ldc,
            boolean accumulate) {}

    /** The product of this form: made now, if it was never asked for. */
    Product product(Form form) {
        Product product = products.get(form);
        if (product == null) {
            product = new Product(form);
            products.put(form, product);
        }
        return product;
    }

    /** How many products were made. */
    int size() {
        return products.size();
    }

    @Override
    public void close() {
        if (!arena.scope().isAlive()) {
            return;
        }
        products.values().forEach(Product::close);
        products.clear();
        work.close();
        arena.close();
    }

    /** One product, ready to run on any matrices of its form. */
    final class Product {
        private final long primitive;
        private final long[] memories; // A, B, C, what it works in
        private final long workBytes;
        private final MemorySegment arguments;

        private Product(Form f) {
            long a = OneDnn.matrix(OneDnn.BF16, f.m, f.k, f.transposeA ? 1 : f.lda, f.transposeA ? f.lda : 1);
            long b = right(f);
            long c = OneDnn.matrix(f.result == DType.BF16 ? OneDnn.BF16 : OneDnn.F32, f.m, f.n, f.ldc, 1);
            long described = OneDnn.matmul(a, b, c, f.accumulate);
            long scratchpad = OneDnn.scratchpad(described);
            workBytes = OneDnn.bytes(scratchpad);
            memories = new long[] {OneDnn.memory(a), OneDnn.memory(b), OneDnn.memory(c), OneDnn.memory(scratchpad)};
            arguments = OneDnn.arguments(arena, memories[0], memories[1], memories[2], memories[3]);
            primitive = OneDnn.primitive(described);
            OneDnn.destroyDescribed(described);
            OneDnn.destroyDescriptor(a);
            OneDnn.destroyDescriptor(b);
            OneDnn.destroyDescriptor(c);
        }

        /** Computes on the calling thread; the addresses of the matrices' first elements. */
        void run(long a, long b, long c) {
            OneDnn.handle(memories[0], a);
            OneDnn.handle(memories[1], b);
            OneDnn.handle(memories[2], c);
            OneDnn.handle(memories[3], work.atLeast(workBytes).address());
            OneDnn.execute(primitive, memories.length, arguments);
        }

        private static long right(Form f) {
            return switch (f.right) {
                case ROWS -> OneDnn.matrix(OneDnn.BF16, f.k, f.n, f.ldb, 1);
                case TRANSPOSED -> OneDnn.matrix(OneDnn.BF16, f.k, f.n, 1, f.ldb);
                case PACKED -> OneDnn.blockedMatrix(f.k, f.n, 32);
                case PACKED_64 -> OneDnn.blockedMatrix(f.k, f.n, 64);
            };
        }

        private void close() {
            OneDnn.destroyPrimitive(primitive);
            for (long memory : memories) {
                OneDnn.destroyMemory(memory);
            }
        }
    }
}
