package dev.lowrank.kernels;

/** The element types a {@link Tensor} may hold. */
public enum DType {
    /** IEEE 754 single precision. */
    F32(4),
    /** Signed 32-bit integer: token ids, positions, labels. */
    I32(4),
    /** Unsigned byte: two 4-bit codes, or one 8-bit code. */
    U8(1);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes one element takes. */
    public int bytes() {
        return bytes;
    }
}
