package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import org.bytedeco.javacpp.Loader;
import org.jspecify.annotations.Nullable;

/** The C functions we use of oneDNN and of the OpenMP runtime it is linked to. Objects of oneDNN are numbers here: their addresses. */
final class OneDnn {
    private static final String FOLDER = "/org/bytedeco/dnnl/" + Loader.getPlatform() + "/";

    // Pointers are declared as 64-bit integers: sub-matrices then need no segment object for each call.
    private static final FunctionDescriptor SGEMM_TYPE = FunctionDescriptor.of(
            JAVA_INT,
            JAVA_BYTE,
            JAVA_BYTE,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_FLOAT,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_FLOAT,
            JAVA_LONG,
            JAVA_LONG);

    // libdnnl needs libgomp: opened first, it is the one that gets used.
    private static final SymbolLookup GOMP = library("libgomp.so.1");
    private static final SymbolLookup DNNL = library("libdnnl.so.3");

    private static final MethodHandle SET_NUM_THREADS =
            function(GOMP, "omp_set_num_threads", FunctionDescriptor.ofVoid(JAVA_INT));
    private static final MethodHandle SGEMM = function(DNNL, "dnnl_sgemm", SGEMM_TYPE);
    private static final MethodHandle VERSION = function(DNNL, "dnnl_version", FunctionDescriptor.of(ADDRESS));

    /** oneDNN's names of the element types. */
    static final int BF16 = 2;

    static final int F32 = 3;

    /** Sums in fp32 of products of bf16 that the processor itself computes (AVX512-BF16 or AMX), by oneDNN's bits. */
    private static final int BF16_INSTRUCTIONS = 0xE7;

    private static final int AMX_INSTRUCTIONS = 0xFEF;
    private static final int CPU = 1;
    private static final int IN_ORDER = 1;
    private static final int OWN_SCRATCHPAD = 1;
    private static final int QUERY_SCRATCHPAD = 136;
    private static final int SOURCE = 1;
    private static final int TARGET = 17;
    private static final int WEIGHTS = 33;
    private static final int SCRATCHPAD = 80;

    private static final MethodHandle ISA =
            function(DNNL, "dnnl_get_effective_cpu_isa", FunctionDescriptor.of(JAVA_INT));
    private static final MethodHandle ENGINE =
            function(DNNL, "dnnl_engine_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_LONG));
    private static final MethodHandle STREAM =
            function(DNNL, "dnnl_stream_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
    private static final MethodHandle MATRIX = function(
            DNNL,
            "dnnl_memory_desc_create_with_strides",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS));
    private static final MethodHandle TAGGED = function(
            DNNL,
            "dnnl_memory_desc_create_with_string_tag",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS));
    private static final MethodHandle BYTES =
            function(DNNL, "dnnl_memory_desc_get_size", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG));
    private static final MethodHandle DESTROY_DESCRIPTOR =
            function(DNNL, "dnnl_memory_desc_destroy", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
    private static final MethodHandle ATTRIBUTES =
            function(DNNL, "dnnl_primitive_attr_create", FunctionDescriptor.of(JAVA_INT, ADDRESS));
    private static final MethodHandle SCRATCHPAD_MODE = function(
            DNNL, "dnnl_primitive_attr_set_scratchpad_mode", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_INT));
    private static final MethodHandle SET_AFTERWARDS =
            function(DNNL, "dnnl_primitive_attr_set_post_ops", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle DESTROY_ATTRIBUTES =
            function(DNNL, "dnnl_primitive_attr_destroy", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
    private static final MethodHandle AFTERWARDS =
            function(DNNL, "dnnl_post_ops_create", FunctionDescriptor.of(JAVA_INT, ADDRESS));
    private static final MethodHandle AFTERWARDS_SUM = function(
            DNNL,
            "dnnl_post_ops_append_sum",
            FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_FLOAT, JAVA_INT, JAVA_INT));
    private static final MethodHandle DESTROY_AFTERWARDS =
            function(DNNL, "dnnl_post_ops_destroy", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
    private static final MethodHandle MATMUL = function(
            DNNL,
            "dnnl_matmul_primitive_desc_create",
            FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle QUERY = function(
            DNNL, "dnnl_primitive_desc_query_md", FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT));
    private static final MethodHandle DESTROY_DESCRIBED =
            function(DNNL, "dnnl_primitive_desc_destroy", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
    private static final MethodHandle PRIMITIVE =
            function(DNNL, "dnnl_primitive_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG));
    private static final MethodHandle DESTROY_PRIMITIVE =
            function(DNNL, "dnnl_primitive_destroy", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
    private static final MethodHandle MEMORY = function(
            DNNL, "dnnl_memory_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle DESTROY_MEMORY =
            function(DNNL, "dnnl_memory_destroy", FunctionDescriptor.of(JAVA_INT, JAVA_LONG));
    private static final MethodHandle HANDLE =
            function(DNNL, "dnnl_memory_set_data_handle", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
    private static final MethodHandle EXECUTE = function(
            DNNL, "dnnl_primitive_execute", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT, ADDRESS));

    private static final long PROCESSOR = made("an engine", out -> (int) ENGINE.invokeExact(out, CPU, 0L));
    private static final long STREAM_OF_CALLS =
            made("a stream", out -> (int) STREAM.invokeExact(out, PROCESSOR, IN_ORDER));

    private OneDnn() {}

    /** Whether the processor multiplies bf16 by itself. */
    static boolean multipliesBf16() {
        return (instructions() & BF16_INSTRUCTIONS) == BF16_INSTRUCTIONS;
    }

    /** Whether it does so in tiles. */
    static boolean hasAmx() {
        return (instructions() & AMX_INSTRUCTIONS) == AMX_INSTRUCTIONS;
    }

    private static int instructions() {
        try {
            return (int) ISA.invokeExact();
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /** Describes a matrix by the elements between two rows and between two columns. */
    static long matrix(int type, long rows, long columns, long rowStride, long columnStride) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment dims = arena.allocateFrom(JAVA_LONG, rows, columns);
            MemorySegment strides = arena.allocateFrom(JAVA_LONG, rowStride, columnStride);
            return made("a matrix", out -> (int) MATRIX.invokeExact(out, 2, dims, type, strides));
        }
    }

    /** Describes a bf16 matrix laid out as {@link PackedMatrix} says, or with 64 columns in a block where it has 32. */
    static long blockedMatrix(long rows, long columns, int block) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment dims = arena.allocateFrom(JAVA_LONG, rows, columns);
            MemorySegment blocks = arena.allocateFrom("BA16a%db2a".formatted(block));
            return made("a blocked matrix", out -> (int) TAGGED.invokeExact(out, 2, dims, BF16, blocks));
        }
    }

    static long bytes(long descriptor) {
        try {
            return (long) BYTES.invokeExact(descriptor);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static void destroyDescriptor(long descriptor) {
        check("destroying a descriptor", () -> (int) DESTROY_DESCRIPTOR.invokeExact(descriptor));
    }

    /** Describes {@code c = a b}, or {@code c += a b}, with memory to work in given at each call. */
    static long matmul(long a, long b, long c, boolean accumulate) {
        long attributes = made("attributes", out -> (int) ATTRIBUTES.invokeExact(out));
        long sum = made("post-operations", out -> (int) AFTERWARDS.invokeExact(out));
        check("a scratchpad", () -> (int) SCRATCHPAD_MODE.invokeExact(attributes, OWN_SCRATCHPAD));
        if (accumulate) {
            check("a sum", () -> (int) AFTERWARDS_SUM.invokeExact(sum, 1f, 0, 0));
        }
        check("post-operations", () -> (int) SET_AFTERWARDS.invokeExact(attributes, sum));
        long described = made("a product", out -> (int) MATMUL.invokeExact(out, PROCESSOR, a, b, 0L, c, attributes));
        check("destroying post-operations", () -> (int) DESTROY_AFTERWARDS.invokeExact(sum));
        check("destroying attributes", () -> (int) DESTROY_ATTRIBUTES.invokeExact(attributes));
        return described;
    }

    /** The descriptor of the memory that a described product works in; the product's own, not to be destroyed. */
    static long scratchpad(long described) {
        try {
            return (long) QUERY.invokeExact(described, QUERY_SCRATCHPAD, 0);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    static void destroyDescribed(long described) {
        check("destroying a description", () -> (int) DESTROY_DESCRIBED.invokeExact(described));
    }

    /** Compiles what was described. */
    static long primitive(long described) {
        return made("compiled code", out -> (int) PRIMITIVE.invokeExact(out, described));
    }

    static void destroyPrimitive(long primitive) {
        check("destroying compiled code", () -> (int) DESTROY_PRIMITIVE.invokeExact(primitive));
    }

    /** A memory object without memory yet. */
    static long memory(long descriptor) {
        return made("a memory object", out -> (int) MEMORY.invokeExact(out, descriptor, PROCESSOR, 0L));
    }

    static void destroyMemory(long memory) {
        check("destroying a memory object", () -> (int) DESTROY_MEMORY.invokeExact(memory));
    }

    /** Where a memory object's memory lies from now on. */
    static void handle(long memory, long address) {
        int status;
        try {
            status = (int) HANDLE.invokeExact(memory, address);
        } catch (Throwable e) {
            throw unexpected(e);
        }
        succeeded("setting an address", status);
    }

    /** The arguments of {@link #execute} for {@code c = a b}: oneDNN's numbers of what each is, and memory objects. */
    static MemorySegment arguments(Arena arena, long a, long b, long c, long scratchpad) {
        int[] kinds = {SOURCE, WEIGHTS, TARGET, SCRATCHPAD};
        long[] memories = {a, b, c, scratchpad};
        MemorySegment pairs = arena.allocate(2 * JAVA_LONG.byteSize() * kinds.length, JAVA_LONG.byteAlignment());
        for (int i = 0; i < kinds.length; i++) {
            pairs.setAtIndex(JAVA_INT, 4L * i, kinds[i]);
            pairs.setAtIndex(JAVA_LONG, 2L * i + 1, memories[i]);
        }
        return pairs;
    }

    /** Runs compiled code on the calling thread; {@code arguments} are {@code count} pairs of a number and a memory object. */
    static void execute(long primitive, int count, MemorySegment arguments) {
        int status;
        try {
            status = (int) EXECUTE.invokeExact(primitive, STREAM_OF_CALLS, count, arguments);
        } catch (Throwable e) {
            throw unexpected(e);
        }
        succeeded("running compiled code", status);
    }

    private interface Call {
        int status() throws Throwable;
    }

    private interface Making {
        int status(MemorySegment out) throws Throwable;
    }

    private static long made(String what, Making making) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(JAVA_LONG);
            check(what, () -> making.status(out));
            return out.get(JAVA_LONG, 0);
        }
    }

    private static void check(String what, Call call) {
        int status;
        try {
            status = call.status();
        } catch (Throwable e) {
            throw unexpected(e);
        }
        succeeded(what, status);
    }

    private static void succeeded(String what, int status) {
        if (status != 0) {
            throw new IllegalStateException("oneDNN refused %s with status %d.".formatted(what, status));
        }
    }

    /** Makes oneDNN work on the calling thread alone from now on; the setting belongs to the calling thread. */
    static void stayOnThisThread() {
        try {
            SET_NUM_THREADS.invokeExact(1);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    /**
     * {@code C = alpha * op(A) * op(B) + beta * C}, row-major, on the calling thread. op(A) is m x k, op(B) k x n, C
     * m x n; a, b, c are addresses and each leading dimension counts the elements between two stored rows.
     */
    static void sgemm(
            boolean transposeA,
            boolean transposeB,
            long m,
            long n,
            long k,
            float alpha,
            long a,
            long lda,
            long b,
            long ldb,
            float beta,
            long c,
            long ldc) {
        int status;
        try {
            status = (int) SGEMM.invokeExact(
                    (byte) (transposeA ? 'T' : 'N'),
                    (byte) (transposeB ? 'T' : 'N'),
                    m,
                    n,
                    k,
                    alpha,
                    a,
                    lda,
                    b,
                    ldb,
                    beta,
                    c,
                    ldc);
        } catch (Throwable e) {
            throw unexpected(e);
        }
        if (status != 0) {
            throw new IllegalStateException(
                    "oneDNN refused a product of %d x %d x %d (leading dimensions %d, %d, %d) with status %d."
                            .formatted(m, n, k, lda, ldb, ldc, status));
        }
    }

    /** The version in use: "3.11.0". */
    static String version() {
        try {
            MemorySegment numbers = ((MemorySegment) VERSION.invokeExact()).reinterpret(3L * Integer.BYTES);
            return numbers.getAtIndex(JAVA_INT, 0)
                    + "." + numbers.getAtIndex(JAVA_INT, 1)
                    + "." + numbers.getAtIndex(JAVA_INT, 2);
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    private static SymbolLookup library(String name) {
        try {
            @Nullable File file = Loader.cacheResource(OneDnn.class, FOLDER + name);
            if (file == null) {
                throw new IllegalStateException("oneDNN is not packaged for %s: %s is missing from the class path."
                        .formatted(Loader.getPlatform(), FOLDER + name));
            }
            return SymbolLookup.libraryLookup(file.toPath(), Arena.global());
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot unpack %s to JavaCPP's cache folder.".formatted(name), e);
        }
    }

    private static MethodHandle function(SymbolLookup library, String name, FunctionDescriptor type) {
        return Linker.nativeLinker().downcallHandle(library.findOrThrow(name), type);
    }

    private static IllegalStateException unexpected(Throwable e) {
        return new IllegalStateException("A call into oneDNN failed.", e);
    }
}
