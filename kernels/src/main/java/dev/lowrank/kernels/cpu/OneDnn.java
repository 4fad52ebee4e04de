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

/**
 * The C functions we use of oneDNN and of the OpenMP runtime it is linked to, but for those of {@link Bf16Gemm}'s products.
 */
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

    private static final MethodHandle EFFECTIVE_ISA =
            function(DNNL, "dnnl_get_effective_cpu_isa", FunctionDescriptor.of(JAVA_INT));

    /** dnnl_cpu_isa_avx512_core_bf16: each later instruction set has these bits and more. */
    private static final int AVX512_BF16 = 0xE7;

    private OneDnn() {}

    /** Whether the processor multiplies BF16 numbers itself, by AVX512-BF16 or AMX, as oneDNN sees and may use it. */
    static boolean multipliesBf16() {
        try {
            return ((int) EFFECTIVE_ISA.invokeExact() & AVX512_BF16) == AVX512_BF16;
        } catch (Throwable e) {
            throw unexpected(e);
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

    /** A function of oneDNN; the options are the linker's. */
    static MethodHandle function(String name, FunctionDescriptor type, Linker.Option... options) {
        return Linker.nativeLinker().downcallHandle(DNNL.findOrThrow(name), type, options);
    }

    private static MethodHandle function(SymbolLookup library, String name, FunctionDescriptor type) {
        return Linker.nativeLinker().downcallHandle(library.findOrThrow(name), type);
    }

    static IllegalStateException unexpected(Throwable e) {
        return new IllegalStateException("A call into oneDNN failed.", e);
    }
}
