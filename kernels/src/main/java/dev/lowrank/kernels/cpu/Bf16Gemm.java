package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.lowrank.kernels.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.HashMap;
import java.util.Map;

/**
 * Products of BF16 matrices with sums in fp32, {@code C = A B} or {@code C += A B}, by oneDNN's matmul primitives. A
 * primitive is made for one {@link Form} when that is first asked for, which takes about a millisecond, and kept: callers
 * must see to it that the forms they ask for are few, however their lengths vary.
 *
 * <p>An instance belongs to one thread at a time, as one part of a {@link Team} does, and computes on it alone. oneDNN
 * itself shares what it compiled between instances.
 */
final class Bf16Gemm implements AutoCloseable {
    // enum values of oneDNN's C headers
    private static final int CPU = 1;
    private static final int BF16 = 2;
    private static final int F32 = 3;
    private static final int BA16A32B2A = 382;
    private static final int BA16A64B2A = 384;
    private static final int IN_ORDER = 1;
    private static final int SRC = 1;
    private static final int DST = 17;
    private static final int WEIGHTS = 33;

    private static final FunctionDescriptor TWO = FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG);

    // Handles and data are declared as 64-bit integers, what is read or written by the call itself as ADDRESS.
    private static final MethodHandle ENGINE_CREATE =
            OneDnn.function("dnnl_engine_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_LONG));
    private static final MethodHandle STREAM_CREATE =
            OneDnn.function("dnnl_stream_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
    private static final MethodHandle DESC_WITH_STRIDES = OneDnn.function(
            "dnnl_memory_desc_create_with_strides",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS));
    private static final MethodHandle DESC_WITH_TAG = OneDnn.function(
            "dnnl_memory_desc_create_with_tag",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));
    private static final MethodHandle POST_OPS_CREATE =
            OneDnn.function("dnnl_post_ops_create", FunctionDescriptor.of(JAVA_INT, ADDRESS));
    private static final MethodHandle APPEND_SUM = OneDnn.function(
            "dnnl_post_ops_append_sum", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_FLOAT, JAVA_INT, JAVA_INT));
    private static final MethodHandle ATTR_CREATE =
            OneDnn.function("dnnl_primitive_attr_create", FunctionDescriptor.of(JAVA_INT, ADDRESS));
    private static final MethodHandle ATTR_SET_POST_OPS = OneDnn.function("dnnl_primitive_attr_set_post_ops", TWO);
    private static final MethodHandle MATMUL_DESC_CREATE = OneDnn.function(
            "dnnl_matmul_primitive_desc_create",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle PRIMITIVE_CREATE =
            OneDnn.function("dnnl_primitive_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));
    private static final MethodHandle MEMORY_CREATE = OneDnn.function(
            "dnnl_memory_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle SET_DATA =
            OneDnn.function("dnnl_memory_set_data_handle", TWO, Linker.Option.critical(false));
    private static final MethodHandle EXECUTE = OneDnn.function(
            "dnnl_primitive_execute", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG));

    private static final MethodHandle DESTROY_STREAM = destroy("stream");
    private static final MethodHandle DESTROY_DESC = destroy("memory_desc");
    private static final MethodHandle DESTROY_POST_OPS = destroy("post_ops");
    private static final MethodHandle DESTROY_ATTR = destroy("primitive_attr");
    private static final MethodHandle DESTROY_MATMUL_DESC = destroy("primitive_desc");
    private static final MethodHandle DESTROY_PRIMITIVE = destroy("primitive");
    private static final MethodHandle DESTROY_MEMORY = destroy("memory");

    /** The processor, for the life of the process. */
    private static final long ENGINE = engine();

    private final Arena arena = Arena.ofShared();
    private final long stream;
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

    Bf16Gemm() {
        stream = created(out -> (int) STREAM_CREATE.invokeExact(out, ENGINE, IN_ORDER));
    }

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
        destroy(DESTROY_STREAM, stream);
        arena.close();
    }

    /** One product, ready to run on any matrices of its form. */
    final class Product {
        private final long primitive;
        private final long a;
        private final long b;
        private final long c;
        private final long arguments;

        private Product(Form f) {
            long aDesc = strided(f.m, f.k, BF16, f.transposeA ? 1 : f.lda, f.transposeA ? f.lda : 1);
            long bDesc = right(f);
            long cDesc = strided(f.m, f.n, f.result == DType.BF16 ? BF16 : F32, f.ldc, 1);
            primitive = primitive(f, aDesc, bDesc, cDesc);
            a = memory(aDesc);
            b = memory(bDesc);
            c = memory(cDesc);
            arguments = arguments().address();
            destroy(DESTROY_DESC, aDesc);
            destroy(DESTROY_DESC, bDesc);
            destroy(DESTROY_DESC, cDesc);
        }

        /** Computes on the calling thread; the addresses of the matrices' first elements. */
        void run(long aAddress, long bAddress, long cAddress) {
            int status;
            try {
                status = (int) SET_DATA.invokeExact(a, aAddress)
                        | (int) SET_DATA.invokeExact(b, bAddress)
                        | (int) SET_DATA.invokeExact(c, cAddress)
                        | (int) EXECUTE.invokeExact(primitive, stream, 3, arguments);
            } catch (Throwable e) {
                throw OneDnn.unexpected(e);
            }
            check(status);
        }

        /** dnnl_exec_arg_t[3]: an int, padding, a handle. */
        private MemorySegment arguments() {
            MemorySegment list = arena.allocate(3 * 16L, 16);
            int[] kinds = {SRC, WEIGHTS, DST};
            long[] memories = {a, b, c};
            for (int i = 0; i < 3; i++) {
                list.set(JAVA_INT, i * 16L, kinds[i]);
                list.set(JAVA_LONG, i * 16L + 8, memories[i]);
            }
            return list;
        }

        private void close() {
            destroy(DESTROY_PRIMITIVE, primitive);
            destroy(DESTROY_MEMORY, a);
            destroy(DESTROY_MEMORY, b);
            destroy(DESTROY_MEMORY, c);
        }
    }

    private static long primitive(Form f, long aDesc, long bDesc, long cDesc) {
        long attributes = created(out -> (int) ATTR_CREATE.invokeExact(out));
        if (f.accumulate) {
            long sum = created(out -> (int) POST_OPS_CREATE.invokeExact(out));
            called(() -> (int) APPEND_SUM.invokeExact(sum, 1f, 0, 0));
            called(() -> (int) ATTR_SET_POST_OPS.invokeExact(attributes, sum)); // Copies them.
            destroy(DESTROY_POST_OPS, sum);
        }
        long noBias = 0;
        long description = created(
                out -> (int) MATMUL_DESC_CREATE.invokeExact(out, ENGINE, aDesc, bDesc, noBias, cDesc, attributes));
        long primitive = created(out -> (int) PRIMITIVE_CREATE.invokeExact(out, description));
        destroy(DESTROY_MATMUL_DESC, description);
        destroy(DESTROY_ATTR, attributes);
        return primitive;
    }

    private static long right(Form f) {
        return switch (f.right) {
            case ROWS -> strided(f.k, f.n, BF16, f.ldb, 1);
            case TRANSPOSED -> strided(f.k, f.n, BF16, 1, f.ldb);
            case PACKED -> packed(f.k, f.n, BA16A32B2A);
            case PACKED_64 -> packed(f.k, f.n, BA16A64B2A);
        };
    }

    private static long strided(long rows, long columns, int type, long rowStride, long columnStride) {
        try (Arena local = Arena.ofConfined()) {
            MemorySegment extents = local.allocateFrom(JAVA_LONG, rows, columns);
            MemorySegment strides = local.allocateFrom(JAVA_LONG, rowStride, columnStride);
            return created(out -> (int) DESC_WITH_STRIDES.invokeExact(out, 2, extents, type, strides));
        }
    }

    private static long packed(long k, long n, int tag) {
        try (Arena local = Arena.ofConfined()) {
            MemorySegment extents = local.allocateFrom(JAVA_LONG, k, n);
            return created(out -> (int) DESC_WITH_TAG.invokeExact(out, 2, extents, BF16, tag));
        }
    }

    private static long memory(long description) {
        long noData = 0;
        return created(out -> (int) MEMORY_CREATE.invokeExact(out, description, ENGINE, noData));
    }

    private static long engine() {
        long first = 0;
        return created(out -> (int) ENGINE_CREATE.invokeExact(out, CPU, first));
    }

    private static MethodHandle destroy(String kind) {
        return OneDnn.function("dnnl_" + kind + "_destroy", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
    }

    private static void destroy(MethodHandle destroyer, long handle) {
        called(() -> (int) destroyer.invokeExact(handle));
    }

    @FunctionalInterface
    private interface Creation {
        int into(MemorySegment out) throws Throwable;
    }

    @FunctionalInterface
    private interface Invocation {
        int run() throws Throwable;
    }

    /** The handle that a function of oneDNN leaves where its first argument points. */
    private static long created(Creation creation) {
        try (Arena local = Arena.ofConfined()) {
            MemorySegment out = local.allocate(JAVA_LONG);
            called(() -> creation.into(out));
            return out.get(JAVA_LONG, 0);
        }
    }

    private static void called(Invocation invocation) {
        int status;
        try {
            status = invocation.run();
        } catch (Throwable e) {
            throw OneDnn.unexpected(e);
        }
        check(status);
    }

    private static void check(int status) {
        if (status != 0) {
            throw new IllegalStateException("oneDNN refused a BF16 product with status %d.".formatted(status));
        }
    }
}
