package dev.lowrank.engine.parquet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The files were written by parquet-java; Generate.java.txt beside them says how. */
class ParquetFileTest {
    private static final Set<String> EVERYTHING = Set.of(
            "messages",
            "tools",
            "input_ids",
            "labels",
            "text",
            "scores",
            "quality",
            "grid",
            "tree",
            "inner",
            "prompt",
            "chosen",
            "rejected",
            "completion",
            "checked");

    @TempDir
    Path temporary;

    @ParameterizedTest
    @ValueSource(strings = {"chat-snappy.parquet", "chat-zstd-v2.parquet"})
    void listsOfGroupsWithListsOfGroupsAreReadAsTheyWereWritten(String name) throws IOException {
        List<Map<String, @Nullable Object>> rows = read(file(name), Set.of("messages", "tools"));
        assertThat(rows).hasSize(3);
        assertThat(rows.get(0).get("messages").toString())
                .isEqualTo("[{role=user, content=Where does the ferry leave? ⛴, weight=null, tool_calls=null},"
                        + " {role=assistant, content=At the harbour., weight=1, tool_calls=null}]");
        assertThat(rows.get(0)).containsEntry("tools", null);
        assertThat(rows.get(1).get("messages").toString())
                .contains(
                        "{role=assistant, content=null, weight=0, tool_calls=[{id=call00001, type=function,"
                                + " function={name=tide, arguments={\"day\": 3}}}]}",
                        "{role=assistant, content=At 06:12., weight=null, tool_calls=[]}");
        assertThat(rows.get(2).get("messages")).isEqualTo(List.of());
    }

    @Test
    void nestingOfEverySortIsReadAsItWasWritten() throws IOException {
        List<String> wanted = Files.readAllLines(file("deep.txt"));
        List<String> got = read(file("deep.parquet"), EVERYTHING).stream()
                .map(row -> row.toString().replace('}', ']'))
                .toList();
        assertThat(got)
                .isEqualTo(wanted.stream()
                        .map(line -> line.replaceAll("(Deep|Inner2?)\\[", "{").replace('}', ']'))
                        .toList());
    }

    @ParameterizedTest
    @ValueSource(strings = {"tokens-delta-gzip.parquet", "tokens-lz4-groups.parquet"})
    void listsOfNumbersAreReadFromManyPagesAndGroups(String name) throws IOException {
        List<Map<String, @Nullable Object>> rows = read(file(name), Set.of("input_ids", "labels"));
        assertThat(rows).hasSize(300);
        for (int i = 0; i < 300; i++) {
            int row = i;
            List<Long> ids = IntStream.range(0, 2 + i % 9)
                    .mapToObj(j -> (long) (3 + (row * 31 + j * 7) % 380))
                    .toList();
            List<Long> labels = new ArrayList<>(ids);
            labels.set(0, -100L);
            assertThat(rows.get(i)).isEqualTo(Map.of("input_ids", ids, "labels", labels));
        }
    }

    @Test
    void textsThatShareBeginningsAreRead() throws IOException {
        List<Map<String, @Nullable Object>> rows =
                read(file("text-delta-v2.parquet"), Set.of("text", "scores", "quality"));
        for (int i = 0; i < 200; i++) {
            assertThat(rows.get(i))
                    .containsEntry("text", "The ferry of " + i % 5 + " leaves pier " + i)
                    .containsEntry("scores", Map.of("a", i / 2.0))
                    .containsEntry("quality", i % 3 == 0 ? null : i / 4.0);
        }
    }

    @Test
    void onlyColumnsAskedForAreLookedInto() throws IOException {
        assertThat(read(file("text-delta-v2.parquet"), Set.of("text", "no such")))
                .first()
                .satisfies(row -> assertThat(row).containsOnlyKeys("text"));
        assertRefused(
                file("text-delta-v2.parquet"),
                Set.of("day"),
                "Column \"day\" has values of type INT32 that stands for a date, a decimal or the like; write them as strings or whole numbers.");
    }

    @Test
    void filesThatAreCutOffAreRefused() throws IOException {
        byte[] whole = Files.readAllBytes(file("pairs-snappy.parquet"));
        for (int length = 0; length < whole.length; length += 7) {
            Path cut = Files.write(temporary.resolve("cut.parquet"), java.util.Arrays.copyOf(whole, length));
            assertThatThrownBy(() -> read(cut, EVERYTHING))
                    .isInstanceOf(ParquetException.class)
                    .hasMessageEndingWith(".");
        }
    }

    @Test
    void encryptedFilesAreRefused() throws IOException {
        byte[] bytes = Files.readAllBytes(file("pairs-snappy.parquet"));
        bytes[bytes.length - 1] = 'E';
        assertRefused(
                Files.write(temporary.resolve("e.parquet"), bytes),
                EVERYTHING,
                "The Parquet file is encrypted; write it without encryption.");
    }

    @Test
    void hugeLengthOfTheDescriptionIsRefusedBeforeItIsAllocated() throws IOException {
        byte[] bytes = Files.readAllBytes(file("pairs-snappy.parquet"));
        java.util.Arrays.fill(bytes, bytes.length - 8, bytes.length - 4, (byte) 0xFF);
        assertRefused(
                Files.write(temporary.resolve("f.parquet"), bytes),
                EVERYTHING,
                "The Parquet file is damaged (its description has 4294967295 bytes); write or copy it again.");
    }

    @Test
    void damagedFilesAreReadOrRefusedInOneSentence() throws IOException {
        Random random = new Random(7);
        List<byte[]> seeds = new ArrayList<>();
        try (Stream<Path> files = Files.list(file("deep.parquet").getParent())) {
            for (Path path : files.filter(p -> p.toString().endsWith(".parquet"))
                    .sorted()
                    .toList()) {
                seeds.add(Files.readAllBytes(path));
            }
        }
        int refused = 0;
        for (int i = 0; i < 4_000; i++) {
            byte[] bytes = seeds.get(i % seeds.size()).clone();
            for (int k = 0; k <= random.nextInt(3); k++) {
                // Half of the damage goes into the description, where it does most harm.
                int from = random.nextBoolean() ? bytes.length - Math.min(bytes.length, 800) : 0;
                bytes[from + random.nextInt(bytes.length - from)] = (byte) random.nextInt(256);
            }
            Path damaged = Files.write(temporary.resolve("d.parquet"), bytes);
            try {
                read(damaged, EVERYTHING);
            } catch (ParquetException e) {
                refused++;
                assertThat(e.getMessage()).endsWith(".").hasLineCount(1).hasSizeLessThan(400);
            }
        }
        assertThat(refused).isGreaterThan(1_000);
    }

    private static void assertRefused(Path file, Set<String> columns, String sentence) {
        assertThatThrownBy(() -> read(file, columns))
                .isInstanceOf(ParquetException.class)
                .hasMessage(sentence);
    }

    private static List<Map<String, @Nullable Object>> read(Path path, Set<String> columns) throws IOException {
        List<Map<String, @Nullable Object>> rows = new ArrayList<>();
        try (ParquetFile file = ParquetFile.open(path, columns)) {
            for (Map<String, @Nullable Object> row = file.next(); row != null; row = file.next()) {
                rows.add(row);
            }
        }
        return rows;
    }

    private static Path file(String name) {
        try {
            return Path.of(Objects.requireNonNull(ParquetFileTest.class.getResource(name), name)
                    .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
