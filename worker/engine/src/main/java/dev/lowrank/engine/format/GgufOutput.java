package dev.lowrank.engine.format;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.function.Consumer;

/** The parts of a GGUF header as little-endian bytes. */
record GgufOutput(ByteArrayOutputStream bytes) {
    void little(long value, int count) {
        for (int i = 0; i < count; i++) {
            bytes.write((int) (value >>> 8 * i));
        }
    }

    void u32(long value) {
        little(value, 4);
    }

    void u64(long value) {
        little(value, 8);
    }

    void zeros(int count) {
        for (int i = 0; i < count; i++) {
            bytes.write(0);
        }
    }

    void text(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        u64(utf8.length);
        bytes.writeBytes(utf8);
    }

    /** The number of the kind, then the value. */
    void value(GgufValue value) {
        switch (value) {
            case GgufValue.Whole(GgufKind kind, long number) -> {
                u32(kind.code());
                little(number, kind.bytes());
            }
            case GgufValue.Real(GgufKind kind, double number) -> {
                u32(kind.code());
                real(kind, number);
            }
            case GgufValue.Flag(boolean flag) -> {
                u32(GgufKind.BOOL.code());
                little(flag ? 1 : 0, 1);
            }
            case GgufValue.Text(String text) -> {
                u32(GgufKind.TEXT.code());
                text(text);
            }
            case GgufValue.Wholes(GgufKind kind, List<Long> numbers) ->
                list(kind, numbers, number -> little(number, kind.bytes()));
            case GgufValue.Reals(GgufKind kind, List<Double> numbers) ->
                list(kind, numbers, number -> real(kind, number));
            case GgufValue.Flags(List<Boolean> flags) -> list(GgufKind.BOOL, flags, flag -> little(flag ? 1 : 0, 1));
            case GgufValue.Texts(List<String> texts) -> list(GgufKind.TEXT, texts, this::text);
        }
    }

    private <T> void list(GgufKind element, List<T> values, Consumer<T> write) {
        u32(GgufKind.LIST.code());
        u32(element.code());
        u64(values.size());
        values.forEach(write);
    }

    private void real(GgufKind kind, double number) {
        if (kind == GgufKind.F32) {
            little(Float.floatToRawIntBits((float) number), 4);
        } else {
            little(Double.doubleToRawLongBits(number), 8);
        }
    }
}
