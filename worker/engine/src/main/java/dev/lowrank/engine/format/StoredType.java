package dev.lowrank.engine.format;

/**
 * The element types a safetensors file may name, in the order the reference implementation lays tensors out (a writer
 * puts the last of these first, so that wide elements stay aligned).
 */
public enum StoredType {
    BOOL(8),
    F4(4),
    F6_E2M3(6),
    F6_E3M2(6),
    U8(8),
    I8(8),
    F8_E5M2(8),
    F8_E4M3(8),
    F8_E8M0(8),
    F8_E4M3FNUZ(8),
    F8_E5M2FNUZ(8),
    I16(16),
    U16(16),
    F16(16),
    BF16(16),
    I32(32),
    U32(32),
    F32(32),
    C64(64),
    F64(64),
    I64(64),
    U64(64);

    private final int bits;

    StoredType(int bits) {
        this.bits = bits;
    }

    /** Bits one element takes. */
    public int bits() {
        return bits;
    }

    /** Whether {@link SafetensorsFile#floats} can read it. */
    public boolean readableAsFloats() {
        return this == F32 || this == F16 || this == BF16 || this == F64;
    }

    /** Whether {@link SafetensorsFile#longs} can read it. */
    public boolean readableAsLongs() {
        return this == I64 || this == I32 || this == I16 || this == I8 || this == U8 || this == BOOL;
    }

    /**
     * A value as it reads back once it is stored; too large a one becomes infinite.
     *
     * @throws IllegalArgumentException for a type that does not hold floats
     */
    public float rounded(float value) {
        return switch (this) {
            case F32, F64 -> value;
            case F16 -> Float.float16ToFloat(Float.floatToFloat16(value));
            case BF16 -> Float.intBitsToFloat(SafetensorsWriter.toBrainFloat(value) << 16);
            default -> throw new IllegalArgumentException(this + " holds no floats");
        };
    }
}
