package dev.lowrank.kernels.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * One product of fixed shape on bf16 with fp32 sums, as oneDNN compiles it for this processor: {@code C = A B}, or
 * {@code C += A B}, with A [m, k] and C [m, n] row-major and B as {@link PackedMatrix} lays it out.
 * Compiling takes milliseconds, so there should be few shapes. Used by one thread at a time.
 */
final class BlockedProduct {
    /**
     * @param lda elements between two stored rows of A
     * @param ldc elements between two rows of C
     * @param half C is BF16, not F32
     * @param accumulate add to C
     */
    record Shape(int m, int n, int k, long lda, long ldc, boolean half, boolean accumulate) {}

    private final long primitive;
    private final long source;
    private final long weights;
    private final long target;
    private final long scratchpad;
    private final long scratchBytes;
    private final MemorySegment arguments;

    /** Compiles the product. */
    BlockedProduct(Shape s) {
        long a = OneDnn.matrix(OneDnn.BF16, s.m, s.k, s.lda, 1);
        long b = OneDnn.blockedMatrix(s.k, s.n, PackedMatrix.BLOCK);
        long c = OneDnn.matrix(s.half ? OneDnn.BF16 : OneDnn.F32, s.m, s.n, s.ldc, 1);
        long described = OneDnn.matmul(a, b, c, s.accumulate);
        long scratch = OneDnn.scratchpad(described);
        scratchBytes = OneDnn.bytes(scratch);
        source = OneDnn.memory(a);
        weights = OneDnn.memory(b);
        target = OneDnn.memory(c);
        scratchpad = OneDnn.memory(scratch);
        primitive = OneDnn.primitive(described);
        OneDnn.destroyDescriptor(a);
        OneDnn.destroyDescriptor(b);
        OneDnn.destroyDescriptor(c);
        OneDnn.destroyDescribed(described);
        arguments = OneDnn.arguments(Arena.ofAuto(), source, weights, target, scratchpad);
    }

    /** Bytes that {@link #run} needs to work in. */
    long scratchBytes() {
        return scratchBytes;
    }

    /** Computes with the matrices at these addresses. */
    void run(long a, long b, long c, long scratch) {
        OneDnn.handle(source, a);
        OneDnn.handle(weights, b);
        OneDnn.handle(target, c);
        OneDnn.handle(scratchpad, scratch);
        OneDnn.execute(primitive, 4, arguments);
    }

    /** Gives the compiled code back. */
    void destroy() {
        OneDnn.destroyMemory(source);
        OneDnn.destroyMemory(weights);
        OneDnn.destroyMemory(target);
        OneDnn.destroyMemory(scratchpad);
        OneDnn.destroyPrimitive(primitive);
    }
}
