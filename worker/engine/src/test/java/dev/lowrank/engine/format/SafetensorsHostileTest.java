package dev.lowrank.engine.format;

import static dev.lowrank.engine.format.SafetensorsBytes.entry;
import static dev.lowrank.engine.format.SafetensorsBytes.file;
import static dev.lowrank.engine.format.SafetensorsBytes.join;
import static dev.lowrank.engine.format.SafetensorsBytes.put;
import static dev.lowrank.engine.format.SafetensorsBytes.tensor;
import static dev.lowrank.engine.format.SafetensorsBytes.withLength;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Files made to break a reader: each is refused in one sentence, and without the memory it claims. */
class SafetensorsHostileTest {
    private static final long MOST_ALLOCATED = 64L << 20;
    private static final String GOOD = "{" + entry("w", 0, 4) + "}";

    @TempDir
    Path temporary;

    record Case(String name, byte[] bytes, String says) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Case> cases() {
        byte[] good = file(GOOD, 4);
        return Stream.of(
                new Case("empty file", new byte[0], "holds 0 bytes"),
                new Case("seven bytes", new byte[7], "holds 7 bytes"),
                new Case("nothing but a length", Arrays.copyOf(good, 8), "holds 8 bytes"),
                new Case("cut inside the header", Arrays.copyOf(good, 30), "says that its header has"),
                new Case("cut inside the data", Arrays.copyOf(good, good.length - 1), "of the 3 bytes there are"),
                new Case("zero header length", withLength(0, GOOD.getBytes(), 4), "header has 0 bytes"),
                new Case("header length of one", withLength(1, GOOD.getBytes(), 4), "header has 1 bytes"),
                new Case("header longer than file", withLength(1 << 20, GOOD.getBytes(), 4), "header has 1048576"),
                new Case("huge header length", withLength(Long.MAX_VALUE, GOOD.getBytes(), 4), "9223372036854775807"),
                new Case("negative header length", withLength(-2, GOOD.getBytes(), 4), "18446744073709551614"),
                new Case("length that wraps to small", withLength(Long.MIN_VALUE + 60, GOOD.getBytes(), 4), "922337"),
                new Case("torch zip", join("PK\3\4\0\0\10\10".getBytes(), new byte[90]), "pickle"),
                new Case(
                        "plain pickle",
                        join(new byte[] {(byte) 0x80, 2, '}', 'q', 0, '(', 'X', 1}, new byte[9]),
                        "pickle"),
                new Case("GGUF", join("GGUF\3\0\0\0".getBytes(), new byte[90]), "GGUF"),
                new Case("Git LFS pointer", "version https://git-lfs.github.com/spec/v1\n".getBytes(), "Git LFS"),
                new Case("NUL padding", file(GOOD + "\0\0\0", 4), "does not end with '}' and spaces"),
                new Case("newline padding", file(GOOD + "\n", 4), "does not end with '}' and spaces"),
                new Case("space before the header", file(" " + GOOD, 4), "does not start with '{'"),
                new Case("byte order mark", file("\uFEFF" + GOOD, 4), "does not start with '{'"),
                new Case("UTF-16 header", file(GOOD.getBytes(StandardCharsets.UTF_16LE), 4), "does not end with '}'"),
                new Case("header of spaces", file("        ", 4), "does not start with '{'"),
                new Case("header is a list", file("[]", 0), "does not start with '{'"),
                new Case("broken JSON", file("{\"w\":}", 0), "not valid JSON"),
                new Case("comment in JSON", file("{/* */" + entry("w", 0, 4) + "}", 4), "not valid JSON"),
                new Case("trailing comma", file("{" + entry("w", 0, 4) + ",}", 4), "not valid JSON"),
                new Case("two values", file(GOOD + "{}", 4), "goes on after"),
                new Case(
                        "invalid UTF-8",
                        file(
                                join(
                                        "{\"\u00ff".getBytes(StandardCharsets.ISO_8859_1),
                                        GOOD.substring(2).getBytes()),
                                4),
                        "UTF-8"),
                new Case(
                        "overlong UTF-8",
                        file(
                                join(
                                        "{\"".getBytes(),
                                        new byte[] {(byte) 0xc0, (byte) 0xaf},
                                        GOOD.substring(2).getBytes()),
                                4),
                        "UTF-8"),
                new Case(
                        "UTF-8 of a surrogate",
                        file(
                                join(
                                        "{\"".getBytes(),
                                        new byte[] {(byte) 0xed, (byte) 0xa0, (byte) 0x80},
                                        GOOD.substring(2).getBytes()),
                                4),
                        "UTF-8"),
                new Case("escaped lone surrogate", file("{" + entry("\\ud800", 0, 4) + "}", 4), "plain text"),
                new Case("control character in name", file("{" + entry("a\\u0007b", 0, 4) + "}", 4), "plain text"),
                new Case(
                        "two tensors of one name",
                        file("{" + entry("w", 0, 4) + "," + entry("w", 4, 8) + "}", 8),
                        "twice"),
                new Case(
                        "one name, differently escaped",
                        file("{" + entry("w", 0, 4) + "," + entry("\\u0077", 4, 8) + "}", 8),
                        "twice"),
                new Case(
                        "dtype twice",
                        file("{\"w\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 4),
                        "twice"),
                new Case("metadata twice", file("{\"__metadata__\":{},\"__metadata__\":{}}", 0), "__metadata__ twice"),
                new Case("metadata key twice", file("{\"__metadata__\":{\"a\":\"1\",\"a\":\"1\"}}", 0), "twice"),
                new Case("metadata number", file("{\"__metadata__\":{\"a\":1}}", 0), "not a text"),
                new Case("metadata object", file("{\"__metadata__\":{\"a\":{}}}", 0), "not a text"),
                new Case("metadata null", file("{\"__metadata__\":null}", 0), "not an object"),
                new Case("tensor is a number", file("{\"w\":4}", 4), "not an object"),
                new Case("no dtype", file("{\"w\":{\"shape\":[4],\"data_offsets\":[0,4]}}", 4), "without dtype"),
                new Case("no shape", file("{\"w\":{\"dtype\":\"U8\",\"data_offsets\":[0,4]}}", 4), "without dtype"),
                new Case("no offsets", file("{\"w\":{\"dtype\":\"U8\",\"shape\":[4]}}", 4), "without dtype"),
                new Case(
                        "unknown field",
                        file("{\"w\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4],\"x\":1}}", 4),
                        "unknown field"),
                new Case("unknown dtype", tensor("Q4", "[4]", "[0,4]", 4), "unknown dtype \"Q4\""),
                new Case("lower-case dtype", tensor("f32", "[1]", "[0,4]", 4), "unknown dtype"),
                new Case(
                        "dtype is a number",
                        file("{\"w\":{\"dtype\":1,\"shape\":[4],\"data_offsets\":[0,4]}}", 4),
                        "not a text"),
                new Case("negative shape", tensor("U8", "[-4]", "[0,4]", 4), "from 0 to 2^63-1"),
                new Case("two negative extents", tensor("U8", "[-2,-2]", "[0,4]", 4), "from 0 to 2^63-1"),
                new Case("minus zero", tensor("U8", "[-0]", "[0,0]", 0), "from 0 to 2^63-1"),
                new Case("fractional shape", tensor("U8", "[4.0]", "[0,4]", 4), "from 0 to 2^63-1"),
                new Case("exponent in shape", tensor("U8", "[4e0]", "[0,4]", 4), "from 0 to 2^63-1"),
                new Case("extent of 2^63", tensor("U8", "[9223372036854775808]", "[0,4]", 4), "from 0 to 2^63-1"),
                new Case("number of 500 digits", tensor("U8", "[" + "9".repeat(500) + "]", "[0,4]", 4), "too long"),
                new Case("text in shape", tensor("U8", "[\"4\"]", "[0,4]", 4), "from 0 to 2^63-1"),
                new Case("nested shape", tensor("U8", "[[4]]", "[0,4]", 4), "from 0 to 2^63-1"),
                new Case("shape is a number", tensor("U8", "4", "[0,4]", 4), "not a list"),
                new Case("rank nine", tensor("U8", "[1,1,1,1,1,1,1,1,4]", "[0,4]", 4), "more than 8 numbers"),
                new Case("product over 2^63", tensor("U8", "[4611686018427387904,4]", "[0,4]", 4), "more than 2^63"),
                new Case(
                        "product that wraps to right",
                        tensor("U8", "[4294967296,4294967296,4]", "[0,0]", 0),
                        "more than 2^63"),
                new Case("bits over 2^63", tensor("F64", "[1152921504606846977]", "[0,8]", 8), "more than 2^63"),
                new Case(
                        "wrong byte count",
                        tensor("F32", "[2]", "[0,4]", 4),
                        "need 64 bits while data_offsets give it 4 bytes"),
                new Case("half a byte", tensor("F4", "[7]", "[0,3]", 3), "need 28 bits"),
                new Case("offsets backwards", tensor("U8", "[4]", "[4,0]", 4), "at bytes 4 to 0"),
                new Case("three offsets", tensor("U8", "[4]", "[0,4,4]", 4), "more than 2 numbers"),
                new Case("one offset", tensor("U8", "[4]", "[4]", 4), "not two numbers"),
                new Case("end past the file", tensor("U8", "[5]", "[0,5]", 4), "of the 4 bytes there are"),
                new Case(
                        "end of 2^63-1", tensor("U8", "[4]", "[0,9223372036854775807]", 4), "of the 4 bytes there are"),
                new Case("negative begin", tensor("U8", "[8]", "[-4,4]", 4), "from 0 to 2^63-1"),
                new Case(
                        "overlap",
                        file("{" + entry("a", 0, 4) + "," + entry("b", 2, 6) + "}", 6),
                        "hole or overlap at byte 4"),
                new Case(
                        "one inside the other",
                        file("{" + entry("a", 0, 8) + "," + entry("b", 2, 6) + "}", 8),
                        "hole or overlap"),
                new Case(
                        "same bytes twice",
                        file("{" + entry("a", 0, 4) + "," + entry("b", 0, 4) + "}", 4),
                        "hole or overlap"),
                new Case(
                        "hole",
                        file("{" + entry("a", 0, 4) + "," + entry("b", 6, 8) + "}", 8),
                        "hole or overlap at byte 4"),
                new Case("hole at the start", tensor("U8", "[4]", "[4,8]", 8), "hole or overlap at byte 0"),
                new Case("trailing garbage", join(good, "PK\5\6".getBytes()), "4 bytes that belong to none"),
                new Case("data but no tensors", file("{}", 16), "16 bytes that belong to none"),
                new Case("name of 513 characters", file("{" + entry("n".repeat(513), 0, 4) + "}", 4), "more than 512"),
                new Case(
                        "name of a million characters",
                        file("{" + entry("n".repeat(1_000_000), 0, 4) + "}", 4),
                        "too long"),
                new Case(
                        "deep nesting",
                        file("{\"w\":" + "[".repeat(100_000) + "]".repeat(100_000) + "}", 0),
                        "not an object"),
                new Case(
                        "deep nesting in shape",
                        tensor("U8", "[".repeat(50_000) + "]".repeat(50_000), "[0,0]", 0),
                        "2^63-1"),
                new Case(
                        "deep nesting in metadata",
                        file("{\"__metadata__\":" + "{\"a\":".repeat(9_000) + "1" + "}".repeat(9_000) + "}", 0),
                        "not a text"),
                new Case(
                        "five million characters of metadata",
                        file("{\"__metadata__\":{\"a\":\"" + "x".repeat(5_000_000) + "\"}}", 0),
                        "too long"),
                new Case("300,000 tensors without bytes", file(manyTensors(300_000), 0), "more than 100000 tensors"),
                new Case("a million metadata entries", file(manyTexts(1_000_000), 0), "more than 10000 __metadata__"));
    }

    private static String manyTensors(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> entry(Integer.toString(i, 36), 0, 0))
                .collect(Collectors.joining(",", "{", "}"));
    }

    private static String manyTexts(int count) {
        return IntStream.range(0, count)
                .mapToObj(i -> "\"" + Integer.toString(i, 36) + "\":\"\"")
                .collect(Collectors.joining(",", "{\"__metadata__\":{", "}}"));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void isRefusedInOneSentenceWithoutItsMemory(Case hostile) {
        Path file = put(temporary.resolve("model.safetensors"), hostile.bytes());
        assertRefusedCheaply(file, hostile.says());
    }

    @Test
    void headerOfTenMillionEntriesIsRefusedUnread() throws IOException {
        Path file = temporary.resolve("model.safetensors");
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.write(withLength(600_000_000, "{\"a\":".getBytes(), 0));
            sparse.setLength(700_000_000);
        }
        assertRefusedCheaply(file, "has a header of 600000000 bytes, more than the 16777216 allowed");
    }

    @Test
    void refusalNamesTheFileButNotTheMachinesFolders() {
        Path file = put(temporary.resolve("model.safetensors"), new byte[3]);
        assertThat(Sentences.refusal(() -> SafetensorsFile.open(file)))
                .startsWith(temporary.getFileName() + "/model.safetensors holds")
                .doesNotContain(temporary.getParent().toString());
    }

    @Test
    void nameInARefusalIsShortAndPrintable() {
        Path file = put(
                temporary.resolve("model.safetensors"),
                file("{" + entry("\\u001b[31m" + "n".repeat(600), 0, 4) + "}", 4));
        assertThat(Sentences.refusal(() -> SafetensorsFile.open(file)))
                .doesNotContain("\u001b")
                .contains("?[31mnnn")
                .doesNotContain("n".repeat(100));
    }

    @Test
    void folderMissingFileAndDeadLinkAreRefused() throws IOException {
        assertThat(Sentences.refusal(() -> SafetensorsFile.open(temporary))).contains("not a regular file");
        Path missing = temporary.resolve("none.safetensors");
        assertThat(Sentences.refusal(() -> SafetensorsFile.open(missing))).contains("is missing");
        Path link = Files.createSymbolicLink(temporary.resolve("link.safetensors"), missing);
        assertThat(Sentences.refusal(() -> SafetensorsFile.open(link))).contains("is missing");
    }

    private static void assertRefusedCheaply(Path file, String says) {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        String message = Sentences.refusal(() -> SafetensorsFile.open(file));
        long allocated = threads.getCurrentThreadAllocatedBytes() - before;
        assertThat(message).contains(says);
        assertThat(allocated).as("bytes allocated").isLessThan(MOST_ALLOCATED);
    }
}
