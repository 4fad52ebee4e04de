package dev.lowrank.engine.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class GgufRoundTripTest {
    @TempDir
    Path temporary;

    @Test
    void everyKindOfValueReadsBackEqualAndInOrder() {
        GgufWriter writer = new GgufWriter()
                .put("text", GgufValue.text("Ünïcode \ud83d\udea2\n"))
                .put("flag", GgufValue.flag(true))
                .put("u8", new GgufValue.Whole(GgufKind.U8, 255))
                .put("i8", new GgufValue.Whole(GgufKind.I8, -128))
                .put("u16", new GgufValue.Whole(GgufKind.U16, 65535))
                .put("i16", new GgufValue.Whole(GgufKind.I16, -2))
                .put("u32", GgufValue.u32(0xffff_ffffL))
                .put("i32", new GgufValue.Whole(GgufKind.I32, Integer.MIN_VALUE))
                .put("u64", new GgufValue.Whole(GgufKind.U64, -1))
                .put("i64", new GgufValue.Whole(GgufKind.I64, Long.MIN_VALUE))
                .put("f32", GgufValue.f32(0.1))
                .put("f64", new GgufValue.Real(GgufKind.F64, 0.1))
                .put("texts", new GgufValue.Texts(List.of("", "a b")))
                .put("flags", new GgufValue.Flags(List.of(true, false)))
                .put("wholes", new GgufValue.Wholes(GgufKind.I16, List.of(-1L, 7L)))
                .put("reals", new GgufValue.Reals(GgufKind.F32, List.of(-0.5, 2.0)));
        Path file = temporary.resolve("all.gguf");
        writer.write(file);
        try (GgufFile read = GgufFile.open(file)) {
            assertThat(List.copyOf(read.metadata().entrySet()))
                    .isEqualTo(List.copyOf(writer.metadata().entrySet()));
        }
    }

    @ParameterizedTest
    @EnumSource(GgufType.class)
    void valuesReadBackAsNearAsTheTypeAllows(GgufType type) {
        float[] values = new float[5 * 64];
        Random random = new Random(7);
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        Path file = temporary.resolve("x.gguf");
        new GgufWriter()
                .add("vector", GgufType.F32, new long[] {3}, (row, target) -> target[2] = 5)
                .add(
                        "matrix",
                        type,
                        new long[] {5, 64},
                        (row, target) -> System.arraycopy(values, (int) row * 64, target, 0, 64))
                .write(file);
        try (GgufFile read = GgufFile.open(file)) {
            assertThat(read.tensor("vector").shape()).containsExactly(3L);
            assertThat(read.floats("vector")).containsExactly(0, 0, 5);
            assertThat(read.tensor("matrix").shape()).containsExactly(5L, 64L);
            float[] back = read.floats("matrix");
            double allowed = switch (type) {
                case F32 -> 0;
                case F16 -> 0x1p-9;
                case BF16 -> 0x1p-6;
                case Q8_0 -> 0.02;
            };
            for (int i = 0; i < values.length; i++) {
                assertThat(Math.abs(back[i] - values[i])).isLessThanOrEqualTo((float) allowed);
            }
        }
    }

    @Test
    void dataOfEachTensorStartsAtAMultipleOf32() throws IOException {
        Path file = temporary.resolve("x.gguf");
        new GgufWriter()
                .add("a", GgufType.F32, new long[] {3}, (row, target) -> {})
                .add("b", GgufType.F16, new long[] {2, 5}, (row, target) -> {})
                .add("c", GgufType.F32, new long[] {1}, (row, target) -> {})
                .write(file);
        try (GgufFile read = GgufFile.open(file)) {
            assertThat(read.tensors().values()).extracting(GgufTensor::offset).containsExactly(0L, 32L, 64L);
        }
        assertThat(Files.size(file) % 32).isZero();
    }

    /** By hand: the largest is 254, so a step is 2; 3 is one and a half steps and goes away from zero. */
    @Test
    void blockOfEightBitsHasAStepAndRoundedMultiples() {
        float[] row = new float[32];
        row[0] = -254;
        row[1] = 3;
        row[2] = -3;
        row[3] = 2.9f;
        ByteBuffer bytes = ByteBuffer.allocate(34).order(ByteOrder.LITTLE_ENDIAN);
        GgufType.Q8_0.encode(row, bytes);
        assertThat(bytes.getShort(0)).isEqualTo(Float.floatToFloat16(2));
        assertThat(new byte[] {bytes.get(2), bytes.get(3), bytes.get(4), bytes.get(5), bytes.get(6)})
                .containsExactly(-127, 2, -2, 1, 0);
        float[] back = new float[32];
        GgufType.Q8_0.decode(bytes.flip(), back);
        assertThat(back).startsWith(-254, 4, -4, 2, 0);
    }

    @Test
    void whatLlamaCppCouldNotLoadIsNotWritten() {
        GgufWriter writer = new GgufWriter().add("a", GgufType.F32, new long[] {1}, (row, target) -> {});
        GgufWriter.Rows none = (row, target) -> {};
        assertThatIllegalArgumentException().isThrownBy(() -> writer.add("a", GgufType.F32, new long[] {1}, none));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> writer.add("b".repeat(64), GgufType.F32, new long[] {1}, none));
        assertThatIllegalArgumentException().isThrownBy(() -> writer.add("b", GgufType.Q8_0, new long[] {33}, none));
        assertThatIllegalArgumentException().isThrownBy(() -> writer.add("b", GgufType.F32, new long[] {2, 0}, none));
        assertThatIllegalArgumentException().isThrownBy(() -> writer.add("b", GgufType.F32, new long[0], none));
    }

    @Test
    void fileThatCouldNotBeFinishedIsGone() {
        Path file = temporary.resolve("x.gguf");
        GgufWriter writer = new GgufWriter().add("a", GgufType.F32, new long[] {2}, (row, target) -> {
            throw new IllegalStateException("no values");
        });
        assertThatThrownBy(() -> writer.write(file)).hasMessage("no values");
        assertThat(file).doesNotExist();
    }
}
