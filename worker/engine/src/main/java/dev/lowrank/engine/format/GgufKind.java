package dev.lowrank.engine.format;

import org.jspecify.annotations.Nullable;

/** The kinds of value a GGUF file may hold beside its tensors; a kind's place in this list is its number in the file. */
public enum GgufKind {
    U8(1),
    I8(1),
    U16(2),
    I16(2),
    U32(4),
    I32(4),
    F32(4),
    BOOL(1),
    TEXT(8),
    LIST(12),
    U64(8),
    I64(8),
    F64(8);

    private final int bytes;

    GgufKind(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of one value; of a text or a list, the least it can take. */
    int bytes() {
        return bytes;
    }

    static @Nullable GgufKind ofCode(long code) {
        return code >= 0 && code < values().length ? values()[(int) code] : null;
    }

    int code() {
        return ordinal();
    }

    boolean isWhole() {
        return switch (this) {
            case U8, I8, U16, I16, U32, I32, U64, I64 -> true;
            case F32, F64, BOOL, TEXT, LIST -> false;
        };
    }
}
