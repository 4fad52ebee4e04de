package dev.lowrank.engine.format;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.lowrank.engine.InputException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Files made to break a reader: each is refused in one sentence, and without the memory it claims. */
class GgufHostileTest {
    private static final long MOST_ALLOCATED = 16L << 20;

    @TempDir
    Path temporary;

    record Case(String name, byte[] bytes, String says) {
        @Override
        public String toString() {
            return name;
        }
    }

    /** Three keys and one tensor "w" [2, 4] of F32. */
    private static byte[] good() {
        return file(out -> {}, out -> {});
    }

    private static byte[] file(Consumer<GgufOutput> thirdKey, Consumer<GgufOutput> secondTensor) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        GgufOutput out = new GgufOutput(bytes);
        ByteArrayOutputStream key = new ByteArrayOutputStream();
        thirdKey.accept(new GgufOutput(key));
        ByteArrayOutputStream tensor = new ByteArrayOutputStream();
        secondTensor.accept(new GgufOutput(tensor));
        bytes.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
        out.u32(3);
        out.u64(tensor.size() > 0 ? 2 : 1);
        out.u64(key.size() > 0 ? 3 : 2);
        out.text("general.architecture");
        out.value(GgufValue.text("llama"));
        out.text("list");
        out.value(new GgufValue.Texts(List.of("a", "b")));
        bytes.writeBytes(key.toByteArray());
        tensor(out, "w", 0, 0, 4, 2);
        bytes.writeBytes(tensor.toByteArray());
        out.zeros((int) (GgufWriter.aligned(bytes.size()) - bytes.size()) + 32);
        return bytes.toByteArray();
    }

    private static void tensor(GgufOutput out, String name, int type, long offset, long... extents) {
        out.text(name);
        out.u32(extents.length);
        for (long extent : extents) {
            out.u64(extent);
        }
        out.u32(type);
        out.u64(offset);
    }

    private static byte[] withTensor(String name, int type, long offset, long... extents) {
        return file(out -> {}, out -> tensor(out, name, type, offset, extents));
    }

    private static byte[] changed(int at, int count, long value) {
        byte[] bytes = good();
        for (int i = 0; i < count; i++) {
            bytes[at + i] = (byte) (value >>> 8 * i);
        }
        return bytes;
    }

    private static byte[] withKey(String key, Consumer<GgufOutput> value) {
        return file(
                out -> {
                    out.text(key);
                    value.accept(out);
                },
                out -> {});
    }

    static Stream<Case> cases() {
        byte[] good = good();
        return Stream.of(
                new Case("empty", new byte[0], "not a GGUF file"),
                new Case("other magic", changed(0, 4, 0x46554748), "not a GGUF file"),
                new Case("version 2", changed(4, 4, 2), "version 2"),
                new Case("big-endian", changed(4, 4, 0x03000000), "another byte order"),
                new Case("too many tensors", changed(8, 8, 90_000), "90000 tensors"),
                new Case("negative tensors", changed(8, 8, -1), "18446744073709551615 tensors"),
                new Case("too many keys", changed(16, 8, 1L << 60), "1152921504606846976 keys"),
                new Case("key as long as memory", changed(24, 8, 1L << 40), "a text of 1099511627776 bytes"),
                new Case("negative key length", changed(24, 8, -8), "a text of 18446744073709551608 bytes"),
                new Case("unknown kind", withKey("k", out -> out.u32(13)), "unknown kind 13"),
                new Case(
                        "list in a list",
                        withKey("k", out -> {
                            out.u32(9);
                            out.u32(9);
                            out.u64(1);
                        }),
                        "list of kind 9"),
                new Case(
                        "endless list",
                        withKey("k", out -> {
                            out.u32(9);
                            out.u32(4);
                            out.u64(1L << 24);
                        }),
                        "16777216 elements of a list"),
                new Case(
                        "flag of 2",
                        withKey("k", out -> {
                            out.u32(7);
                            out.little(2, 1);
                        }),
                        "neither 0 nor 1"),
                new Case("key twice", withKey("list", out -> out.value(GgufValue.flag(true))), "\"list\" twice"),
                new Case("nameless key", withKey("", out -> out.value(GgufValue.flag(true))), "without a name"),
                new Case(
                        "text that is not UTF-8",
                        withKey("k", out -> {
                            out.u32(8);
                            out.u64(2);
                            out.little(0x80c0, 2);
                        }),
                        "not UTF-8"),
                new Case(
                        "alignment of 24",
                        withKey("general.alignment", out -> out.value(GgufValue.u32(24))),
                        "no power of two"),
                new Case(
                        "alignment of a text",
                        withKey("general.alignment", out -> out.value(GgufValue.text("32"))),
                        "no power of two"),
                new Case("no axes", withTensor("v", 0, 32), "0 axes"),
                new Case("five axes", withTensor("v", 0, 32, 1, 1, 1, 1, 1), "5 axes"),
                new Case("nameless tensor", withTensor("", 0, 32, 4), "\"\" 1 axes"),
                new Case("tensor twice", withTensor("w", 0, 32, 4), "two tensors named \"w\""),
                new Case("unknown type", withTensor("v", 12, 32, 4), "as type 12"),
                new Case("type beyond 32 bits", withTensor("v", -1, 32, 4), "as type 4294967295"),
                new Case("zero extent", withTensor("v", 0, 32, 4, 0), "impossible shape"),
                new Case("negative extent", withTensor("v", 0, 32, 4, -1), "impossible shape"),
                new Case("product overflows", withTensor("v", 0, 32, 4, 1L << 62, 8), "impossible shape"),
                new Case("row no multiple of a block", withTensor("v", 8, 32, 48), "impossible shape"),
                new Case("larger than the file", withTensor("v", 0, 32, 1 << 20), "more than the file has"),
                new Case("offset inside another", withTensor("v", 0, 0, 4), "at byte 0 where byte 32"),
                new Case("offset beyond", withTensor("v", 0, 64, 4), "at byte 64 where byte 32"),
                new Case("data missing", withTensor("v", 0, 32, 4), "32 bytes of data where its tensors take 64"),
                new Case("cut inside the header", Arrays.copyOf(good, 60), "ends inside its header"),
                new Case("cut inside the data", Arrays.copyOf(good, good.length - 8), "cut short"));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void hostileFileIsRefusedInOneSentence(Case hostile) throws IOException {
        Path file = Files.write(temporary.resolve("x.gguf"), hostile.bytes);
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        assertThat(Sentences.refusal(() -> GgufFile.open(file))).contains(hostile.says);
        assertThat(threads.getCurrentThreadAllocatedBytes() - before).isLessThan(MOST_ALLOCATED);
    }

    @Test
    void theFileTheCasesAreMadeFromIsSound() throws IOException {
        Path file = Files.write(temporary.resolve("x.gguf"), good());
        try (GgufFile read = GgufFile.open(file)) {
            assertThat(read.tensor("w").shape()).containsExactly(2L, 4L);
            assertThat(Sentences.refusal(() -> read.tensor("v"))).contains("no tensor \"v\"");
        }
    }

    @Test
    void mutatedFilesAreReadOrRefusedButNeverBreakTheReader() throws IOException {
        Random random = new Random(11);
        Path file = temporary.resolve("x.gguf");
        int refused = 0;
        for (int i = 0; i < 3000; i++) {
            byte[] bytes = good();
            for (int k = 0; k <= random.nextInt(3); k++) {
                bytes[random.nextInt(bytes.length - 32)] = (byte) random.nextInt();
            }
            Files.write(file, bytes);
            try (GgufFile read = GgufFile.open(file)) {
                read.tensors().keySet().forEach(read::floats);
            } catch (InputException e) {
                refused++;
            }
        }
        assertThat(refused).isBetween(500, 2999);
    }
}
