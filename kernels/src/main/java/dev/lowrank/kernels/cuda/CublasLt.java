package dev.lowrank.kernels.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * NVIDIA's matrix products, cuBLASLt of CUDA 12 or 13, by the foreign function API. The way to compute a shape is asked for once and
 * kept, so the same shape has the same bits.
 *
 * <p>The library thinks by columns: what lies by rows is the transpose to it. So {@code C = A B} is computed as
 * {@code C^T = B^T A^T}: b is its first factor, and a matrix that is transposed here is transposed there.
 */
final class CublasLt implements AutoCloseable {
    /** What a product may use besides its matrices. */
    static final long WORKSPACE = 32L << 20;

    private static final int SUCCESS = 0;
    private static final int COMPUTE_32F = 68;
    private static final int R_32F = 0;
    private static final int R_16BF = 14;
    private static final int TRANSPOSE_FIRST = 3;
    private static final int TRANSPOSE_SECOND = 4;
    private static final int MOST_WORKSPACE = 1;
    private static final int ALIGNMENT_OF_FIRST = 5; // and of the second factor, C and D behind it
    private static final long RESULT_BYTES = 96;
    private static final long RESULT_STATE = 72;

    private final Linker linker = Linker.nativeLinker();
    private final SymbolLookup library;
    private final Arena arena = Arena.ofShared();
    private final MethodHandle multiply;
    private final MethodHandle heuristic;
    private final MemorySegment handle;
    private final MemorySegment scalars = arena.allocate(JAVA_FLOAT, 2);
    private final Map<Product.Shape, Way> ways = new HashMap<>();

    /** How a shape is computed, or that it cannot be. */
    private record Way(
            MemorySegment description,
            MemorySegment first,
            MemorySegment second,
            MemorySegment result,
            @Nullable MemorySegment algorithm) {}

    /** @throws IllegalStateException if the library lacks something, or does not start */
    CublasLt(SymbolLookup library) {
        this.library = library;
        MemoryLayout[] matmul = new MemoryLayout[16];
        Arrays.fill(matmul, ADDRESS);
        matmul[14] = JAVA_LONG;
        multiply = function("cublasLtMatmul", matmul);
        heuristic = function(
                "cublasLtMatmulAlgoGetHeuristic",
                ADDRESS,
                ADDRESS,
                ADDRESS,
                ADDRESS,
                ADDRESS,
                ADDRESS,
                ADDRESS,
                JAVA_INT,
                ADDRESS,
                ADDRESS);
        handle = created("cublasLtCreate");
    }

    /**
     * @param workspace address of {@link #WORKSPACE} bytes
     * @param stream the stream's own address
     * @return whether the library computes this shape
     */
    boolean multiply(Product product, long workspace, long stream) {
        Way way = ways.computeIfAbsent(product.shape(), this::way);
        if (way.algorithm == null) {
            return false;
        }
        scalars.setAtIndex(JAVA_FLOAT, 0, product.alpha());
        scalars.setAtIndex(JAVA_FLOAT, 1, product.beta());
        MemorySegment c = MemorySegment.ofAddress(product.c());
        try {
            int code = (int) multiply.invokeExact(
                    handle,
                    way.description,
                    scalars,
                    MemorySegment.ofAddress(product.b()),
                    way.first,
                    MemorySegment.ofAddress(product.a()),
                    way.second,
                    scalars.asSlice(Float.BYTES),
                    c,
                    way.result,
                    c,
                    way.result,
                    way.algorithm,
                    MemorySegment.ofAddress(workspace),
                    WORKSPACE,
                    MemorySegment.ofAddress(stream));
            require(code, "cublasLtMatmul");
        } catch (Error | RuntimeException e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("A call of cuBLASLt failed.", e);
        }
        return true;
    }

    private Way way(Product.Shape s) {
        MemorySegment description = created("cublasLtMatmulDescCreate", COMPUTE_32F, R_32F);
        attribute("cublasLtMatmulDescSetAttribute", description, TRANSPOSE_FIRST, s.transposeB() ? 1 : 0);
        attribute("cublasLtMatmulDescSetAttribute", description, TRANSPOSE_SECOND, s.transposeA() ? 1 : 0);
        MemorySegment first = s.transposeB() ? matrix(R_16BF, s.k(), s.n()) : matrix(R_16BF, s.n(), s.k());
        MemorySegment second = s.transposeA() ? matrix(R_16BF, s.m(), s.k()) : matrix(R_16BF, s.k(), s.m());
        MemorySegment result = matrix(s.cBf16() ? R_16BF : R_32F, s.n(), s.m());
        MemorySegment preference = created("cublasLtMatmulPreferenceCreate");
        MemorySegment most = arena.allocateFrom(JAVA_LONG, WORKSPACE);
        attribute("cublasLtMatmulPreferenceSetAttribute", preference, MOST_WORKSPACE, most);
        int[] alignments = {s.alignmentOfB(), s.alignmentOfA(), s.alignmentOfC(), s.alignmentOfC()};
        for (int i = 0; i < alignments.length; i++) {
            attribute("cublasLtMatmulPreferenceSetAttribute", preference, ALIGNMENT_OF_FIRST + i, alignments[i]);
        }
        return new Way(description, first, second, result, algorithm(description, first, second, result, preference));
    }

    /** What the library thinks best, or null where it knows no way. */
    private @Nullable MemorySegment algorithm(
            MemorySegment description,
            MemorySegment first,
            MemorySegment second,
            MemorySegment result,
            MemorySegment preference) {
        MemorySegment found = arena.allocate(RESULT_BYTES, Long.BYTES);
        MemorySegment count = arena.allocate(JAVA_INT);
        try {
            int code = (int) heuristic.invokeExact(
                    handle, description, first, second, result, result, preference, 1, found, count);
            boolean known =
                    code == SUCCESS && count.get(JAVA_INT, 0) == 1 && found.get(JAVA_INT, RESULT_STATE) == SUCCESS;
            return known ? found : null;
        } catch (Error | RuntimeException e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("A call of cuBLASLt failed.", e);
        }
    }

    /** A matrix by columns without gaps. */
    private MemorySegment matrix(int type, long rows, long columns) {
        MemorySegment place = arena.allocate(ADDRESS);
        call(
                function("cublasLtMatrixLayoutCreate", ADDRESS, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG),
                "cublasLtMatrixLayoutCreate",
                place,
                type,
                rows,
                columns,
                rows);
        return place.get(ADDRESS, 0);
    }

    private void attribute(String setter, MemorySegment object, int attribute, int value) {
        attribute(setter, object, attribute, arena.allocateFrom(JAVA_INT, value));
    }

    private void attribute(String setter, MemorySegment object, int attribute, MemorySegment value) {
        MethodHandle set = function(setter, ADDRESS, JAVA_INT, ADDRESS, JAVA_LONG);
        call(set, setter, object, attribute, value, value.byteSize());
    }

    /** Makes one of the library's objects. */
    private MemorySegment created(String creator, Object... of) {
        MemoryLayout[] types = new MemoryLayout[of.length + 1];
        Object[] arguments = new Object[types.length];
        MemorySegment place = arena.allocate(ADDRESS);
        types[0] = ADDRESS;
        arguments[0] = place;
        for (int i = 0; i < of.length; i++) {
            types[i + 1] = JAVA_INT;
            arguments[i + 1] = of[i];
        }
        call(function(creator, types), creator, arguments);
        return place.get(ADDRESS, 0);
    }

    private MethodHandle function(String name, MemoryLayout... parameters) {
        MemorySegment symbol = library.find(name)
                .orElseThrow(() -> new IllegalStateException("This cuBLASLt has no %s.".formatted(name)));
        return linker.downcallHandle(symbol, FunctionDescriptor.of(JAVA_INT, parameters));
    }

    private static void call(MethodHandle function, String name, Object... arguments) {
        try {
            require((int) function.invokeWithArguments(arguments), name);
        } catch (Error | RuntimeException e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("A call of cuBLASLt failed.", e);
        }
    }

    private static void require(int code, String name) {
        if (code != SUCCESS) {
            throw new IllegalStateException("cuBLASLt refused %s with its status %d.".formatted(name, code));
        }
    }

    @Override
    public void close() {
        call(function("cublasLtDestroy", ADDRESS), "cublasLtDestroy", handle);
        arena.close();
    }
}
