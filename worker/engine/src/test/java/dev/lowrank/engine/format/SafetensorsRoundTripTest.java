package dev.lowrank.engine.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class SafetensorsRoundTripTest {
    @TempDir
    Path temporary;

    private Path file;

    @BeforeEach
    void nameFile() {
        file = temporary.resolve("w.safetensors");
    }

    @Test
    void smallFileHasTheBytesTheFormatPrescribes() throws IOException {
        new SafetensorsWriter()
                .add("b", StoredType.BF16, new long[] {2}, new float[] {1, -2})
                .add("a", StoredType.F32, new long[] {}, new float[] {1.5f})
                .metadata("format", "pt")
                .write(file);
        String header = "{\"__metadata__\":{\"format\":\"pt\"},"
                + "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
                + "\"b\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[4,8]}}";
        String padded = header + " ".repeat(Math.floorMod(-header.length(), 8));
        byte[] data = {0, 0, (byte) 0xc0, 0x3f, (byte) 0x80, 0x3f, 0, (byte) 0xc0};
        assertThat(Files.readAllBytes(file)).isEqualTo(SafetensorsBytes.join(SafetensorsBytes.file(padded, 0), data));
    }

    @Test
    void orderOfAddingDoesNotChangeTheFile() throws IOException {
        List<String> names = new ArrayList<>(List.of("z", "a", "m.10", "m.2", "é", "\uD83D\uDE00", "\uFFFD"));
        Path other = temporary.resolve("other.safetensors");
        SafetensorsWriter forwards = new SafetensorsWriter();
        names.forEach(n -> forwards.add(n, StoredType.F32, new long[] {1}, new float[] {n.hashCode()}));
        forwards.write(file);
        SafetensorsWriter backwards = new SafetensorsWriter();
        names.reversed().forEach(n -> backwards.add(n, StoredType.F32, new long[] {1}, new float[] {n.hashCode()}));
        backwards.write(other);
        assertThat(Files.mismatch(file, other)).isEqualTo(-1);
        try (SafetensorsFile read = SafetensorsFile.open(file)) {
            assertThat(read.tensors().keySet()).containsExactly("a", "m.10", "m.2", "z", "é", "\uFFFD", "\uD83D\uDE00");
        }
    }

    @Test
    void namesAndTextsWithQuotesAndLineBreaksComeBack() {
        String odd = "say \"hi\" \\ ü \uD83D\uDE00 / end";
        new SafetensorsWriter()
                .metadata("odd\nkey\t\u0001", odd)
                .add(odd, StoredType.F32, new long[] {1}, new float[1])
                .write(file);
        try (SafetensorsFile read = SafetensorsFile.open(file)) {
            assertThat(read.metadata()).containsOnlyKeys("odd\nkey\t\u0001").containsValue(odd);
            assertThat(read.tensors()).containsOnlyKeys(odd);
        }
    }

    @Test
    void wholeNumbersComeBack() {
        long[] big = {Long.MIN_VALUE, -100, Long.MAX_VALUE};
        long[] small = {0, 127, 128, 255};
        new SafetensorsWriter()
                .addLongs("i64", StoredType.I64, new long[] {3}, big)
                .addLongs("i32", StoredType.I32, new long[] {2}, new long[] {Integer.MIN_VALUE, Integer.MAX_VALUE})
                .addLongs("u8", StoredType.U8, new long[] {2, 2}, small)
                .addBytes("i8", StoredType.I8, new long[] {2}, () -> MemorySegment.ofArray(new byte[] {-1, 5}))
                .addBytes("i16", StoredType.I16, new long[] {1}, () -> MemorySegment.ofArray(new byte[] {-2, -1}))
                .write(file);
        try (SafetensorsFile read = SafetensorsFile.open(file)) {
            assertThat(read.longs("i64")).containsExactly(big);
            assertThat(read.longs("i32")).containsExactly(Integer.MIN_VALUE, Integer.MAX_VALUE);
            assertThat(read.longs("u8")).containsExactly(small);
            assertThat(read.longs("i8")).containsExactly(-1, 5);
            assertThat(read.longs("i16")).containsExactly(-2);
            assertThat(Sentences.refusal(() -> read.floats("i64"))).contains("as I64");
            assertThat(Sentences.refusal(() -> read.longs("none"))).contains("no tensor \"none\"");
        }
    }

    @Test
    void everyHalfValueReadsExactly() {
        byte[] halves = new byte[2 << 16];
        for (int i = 0; i < 1 << 16; i++) {
            halves[2 * i] = (byte) i;
            halves[2 * i + 1] = (byte) (i >> 8);
        }
        new SafetensorsWriter()
                .addBytes("f16", StoredType.F16, new long[] {1 << 16}, () -> MemorySegment.ofArray(halves))
                .addBytes("bf16", StoredType.BF16, new long[] {1 << 16}, () -> MemorySegment.ofArray(halves))
                .write(file);
        try (SafetensorsFile read = SafetensorsFile.open(file)) {
            float[] f16 = read.floats("f16");
            float[] bf16 = read.floats("bf16");
            for (int i = 0; i < 1 << 16; i++) {
                assertThat(f16[i]).isEqualTo(Float.valueOf(halfByDefinition(i)));
                assertThat(Float.floatToRawIntBits(bf16[i]) >>> 16).isEqualTo(i);
            }
        }
    }

    private static float halfByDefinition(int bits) {
        int exponent = bits >> 10 & 31;
        int fraction = bits & 1023;
        double magnitude = switch (exponent) {
            case 0 -> fraction * Math.pow(2, -24);
            case 31 -> fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
            default -> (1024 + fraction) * Math.pow(2, exponent - 25);
        };
        return (float) (bits >= 1 << 15 ? -magnitude : magnitude);
    }

    @Test
    void storedAsBrainFloatIsTheNearestAndTiesGoToEven() {
        float[] ties = {
            Float.intBitsToFloat(0x3f808000), // halfway from an even one: down
            Float.intBitsToFloat(0x3f818000), // halfway from an odd one: up
            Float.intBitsToFloat(0x3f808001),
            Float.MAX_VALUE,
            Float.NaN,
            Float.intBitsToFloat(0x7f800001), // a NaN whose upper half alone would be infinity
            -0f
        };
        new SafetensorsWriter()
                .add("w", StoredType.BF16, new long[] {ties.length}, ties)
                .write(file);
        try (SafetensorsFile read = SafetensorsFile.open(file)) {
            assertThat(read.floats("w"))
                    .containsExactly(
                            1f,
                            Float.intBitsToFloat(0x3f820000),
                            Float.intBitsToFloat(0x3f810000),
                            Float.POSITIVE_INFINITY,
                            Float.NaN,
                            Float.NaN,
                            -0f);
        }
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < 100_000; i++) {
            float value = Float.intBitsToFloat(random.nextInt());
            if (Float.isFinite(value) && Math.abs(value) < 1e38f) {
                int stored = SafetensorsWriter.toBrainFloat(value) & 0xffff;
                double off = Math.abs((double) value - Float.intBitsToFloat(stored << 16));
                double above = Math.abs((double) value - Float.intBitsToFloat(stored + 1 << 16));
                double below = (stored & 0x7fff) == 0
                        ? off
                        : Math.abs((double) value - Float.intBitsToFloat(stored - 1 << 16));
                assertThat(off).isLessThanOrEqualTo(Math.min(above, below));
            }
        }
    }

    @Test
    void doublesAreRoundedToFloats() {
        new SafetensorsWriter()
                .addBytes(
                        "w",
                        StoredType.F64,
                        new long[] {1},
                        () -> MemorySegment.ofArray(new byte[] {0x18, 0x2d, 0x44, 0x54, (byte) 0xfb, 0x21, 0x09, 0x40}))
                .write(file);
        try (SafetensorsFile read = SafetensorsFile.open(file)) {
            assertThat(read.floats("w")).containsExactly((float) Math.PI);
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "BF16", "F64"})
    void aPartOfATensorIsThatPartOfTheWhole(StoredType type) {
        byte[] bytes = new byte[20_000 * type.bits() / 8];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (i % 61);
        }
        new SafetensorsWriter()
                .addBytes("t", type, new long[] {20_000}, () -> MemorySegment.ofArray(bytes))
                .write(file);
        try (SafetensorsFile read = SafetensorsFile.open(file)) {
            float[] whole = read.floats("t");
            float[] part = new float[10_001];
            read.readFloats("t", 9_999, 10_001, part);
            assertThat(part).containsExactly(Arrays.copyOfRange(whole, 9_999, 20_000));
            assertThatThrownBy(() -> read.readFloats("t", 10_000, 10_001, part))
                    .isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void narrowFloatTypesAreListedButNotRead() {
        SafetensorsBytes.put(file, SafetensorsBytes.tensor("F8_E4M3", "[3]", "[0,3]", 3));
        try (SafetensorsFile read = SafetensorsFile.open(file)) {
            assertThat(read.info("w").dtype()).isEqualTo(StoredType.F8_E4M3);
            assertThat(Sentences.refusal(() -> read.floats("w"))).contains("as F8_E4M3");
        }
    }

    @Test
    void dataThatStartsAtAnOddByteIsRead() {
        String header = "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
        byte[] values = {0, 0, (byte) 0x80, 0x3f, 0, 0, 0, 0x40};
        byte[] head = SafetensorsBytes.file(
                (header + (header.length() % 2 == 0 ? " " : "")).getBytes(StandardCharsets.UTF_8), 0);
        assertThat(head.length % 2).isOne();
        SafetensorsBytes.put(file, SafetensorsBytes.join(head, values));
        try (SafetensorsFile read = SafetensorsFile.open(file)) {
            assertThat(read.floats("w")).containsExactly(1, 2);
        }
    }

    @Test
    void fileWithoutTensorsAndLinkAreRead() throws IOException {
        new SafetensorsWriter().write(file);
        Path link = Files.createSymbolicLink(temporary.resolve("link.safetensors"), file);
        try (SafetensorsFile read = SafetensorsFile.open(link)) {
            assertThat(read.tensors()).isEmpty();
            assertThat(read.metadata()).isEmpty();
        }
    }

    @Test
    void bytesCannotBeChangedNorReadAfterClose() {
        new SafetensorsWriter()
                .add("w", StoredType.F32, new long[] {1}, new float[1])
                .write(file);
        SafetensorsFile read = SafetensorsFile.open(file);
        assertThat(read.bytes("w").isReadOnly()).isTrue();
        read.close();
        read.close();
        assertThatThrownBy(() -> read.floats("w")).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void valuesAreAskedForOneTensorAtATimeAndNotCopiedWhole() {
        int count = 1 << 22;
        float[] shared = new float[count];
        List<String> asked = new ArrayList<>();
        SafetensorsWriter writer = new SafetensorsWriter();
        for (String name : List.of("b", "a")) {
            writer.add(name, StoredType.BF16, new long[] {count}, () -> {
                asked.add(name);
                return shared;
            });
        }
        assertThat(asked).isEmpty();
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        writer.write(file);
        assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(1 << 20);
        assertThat(asked).containsExactly("a", "b");
        assertThat(file).hasSize(8 + 144 + 4L * count);
    }

    @Test
    void wrongNumberOfValuesLeavesNoFile() {
        SafetensorsWriter writer = new SafetensorsWriter().add("w", StoredType.F32, new long[] {2}, () -> new float[3]);
        assertThatThrownBy(() -> writer.write(file))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("w of shape [2] needs 2 values, but got 3");
        assertThat(file).doesNotExist();
    }

    @Test
    void nameTwiceIsAnError() {
        SafetensorsWriter writer = new SafetensorsWriter().add("w", StoredType.F32, new long[] {1}, new float[1]);
        assertThatThrownBy(() -> writer.addLongs("w", StoredType.I64, new long[] {1}, new long[1]))
                .hasMessageContaining("two tensors are named w");
    }
}
