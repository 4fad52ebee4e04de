package dev.lowrank.engine.format;

import java.util.List;

/** One value of a GGUF file's metadata. Equal values are written as equal bytes. */
public sealed interface GgufValue {
    /** A whole number; of U64 the 64 bits as they are. */
    record Whole(GgufKind kind, long value) implements GgufValue {
        public Whole {
            requireWhole(kind);
        }
    }

    /** A number of kind F32 or F64. */
    record Real(GgufKind kind, double value) implements GgufValue {
        public Real {
            requireReal(kind);
        }
    }

    record Flag(boolean value) implements GgufValue {}

    record Text(String value) implements GgufValue {}

    record Wholes(GgufKind kind, List<Long> values) implements GgufValue {
        public Wholes {
            requireWhole(kind);
            values = List.copyOf(values);
        }
    }

    record Reals(GgufKind kind, List<Double> values) implements GgufValue {
        public Reals {
            requireReal(kind);
            values = List.copyOf(values);
        }
    }

    record Flags(List<Boolean> values) implements GgufValue {
        public Flags {
            values = List.copyOf(values);
        }
    }

    record Texts(List<String> values) implements GgufValue {
        public Texts {
            values = List.copyOf(values);
        }
    }

    /** An unsigned number of 32 bits, which is what llama.cpp wants of counts and ids. */
    static GgufValue u32(long value) {
        if (value < 0 || value > 0xffff_ffffL) {
            throw new IllegalArgumentException(value + " does not fit into 32 bits");
        }
        return new Whole(GgufKind.U32, value);
    }

    /** A number rounded to 32 bits. */
    static GgufValue f32(double value) {
        return new Real(GgufKind.F32, (float) value);
    }

    static GgufValue text(String value) {
        return new Text(value);
    }

    static GgufValue flag(boolean value) {
        return new Flag(value);
    }

    private static void requireWhole(GgufKind kind) {
        if (!kind.isWhole()) {
            throw new IllegalArgumentException(kind + " is no kind of whole number");
        }
    }

    private static void requireReal(GgufKind kind) {
        if (kind != GgufKind.F32 && kind != GgufKind.F64) {
            throw new IllegalArgumentException(kind + " is no kind of real number");
        }
    }
}
