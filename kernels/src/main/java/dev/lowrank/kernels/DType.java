package dev.lowrank.kernels;

/** The element types a {@link Tensor} may hold. */
public enum DType {
    /** IEEE 754 single precision. */
    F32(4),
    /** The upper half of an F32: 8 bits of exponent, 7 of fraction. Arithmetic on it is fp32, rounded to nearest even. */
    BF16(2),
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
