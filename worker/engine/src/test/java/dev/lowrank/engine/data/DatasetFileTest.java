package dev.lowrank.engine.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.parquet.ParquetException;
import dev.lowrank.engine.spec.DataFormat;
import dev.lowrank.engine.spec.TrainOn;
import dev.lowrank.engine.tokenizer.Fixture;
import dev.lowrank.engine.tokenizer.Tokenizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DatasetFileTest {
    @TempDir
    Path temporary;

    @Test
    void jsonArrayIsReadElementByElementWithTheLineOfEach() throws IOException {
        DatasetReport report = check("""
                \uFEFF
                 [ {"text": "a, ] [ } \\" \\\\"},
                {"text": 7},

                {
                  "text": "c"
                },{"text": "d",}
                ]
                """, null);
        assertThat(report.kind()).isEqualTo(FileKind.JSON_ARRAY);
        assertThat(report.examples()).isEqualTo(2);
        assertThat(report.problems()).extracting(RowProblem::line).containsExactly(3L, 7L);
        assertThat(report.problems().getFirst().problem()).isEqualTo("text is a number; write a string.");
        assertThat(report.problems().getLast().problem()).startsWith("The row is not valid JSON in line 7 (");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "[] | The file holds no rows; write one JSON object a line.",
                "[1] | The row is a number, not a JSON object; write one object a row, with a key for each field.",
                "[{\"text\": \"a\"} | The list is not closed after the row that begins here; the file may be cut off, so copy it again.",
                "[ | The list is not closed after the row that begins here; the file may be cut off, so copy it again.",
                "[{\"text\": \"a\"}] x | Something follows the end of the list; write one JSON array of rows, or one JSON object a line.",
                "[{\"text\": \"a\", \"text\": \"b\"}] | A key stands twice in one object; keep one of them.",
                "[,] | A comma has no row before it; remove the comma.",
            })
    void brokenArraysAreToldInOneSentence(String file, String problem) throws IOException {
        assertThat(check(file, null).problems()).extracting(RowProblem::problem).contains(problem);
    }

    @Test
    void commaBeforeTheEndOfAnArrayIsTold() throws IOException {
        assertThat(check("[{\"text\": \"a\"}, ]", null).problems())
                .containsExactly(new RowProblem(1, "", "A comma has no row after it; remove the comma."));
    }

    @Test
    void elementThatIsTooLongIsPassedOverWithoutBeingHeld() throws IOException {
        String file = "[{\"text\": \"" + "a".repeat(500) + "\"}, {\"text\": \"b\"}]";
        DatasetReport report = DatasetCheck.check(
                stream(file, StandardCharsets.UTF_8), null, DataFormat.AUTO, new DatasetLimits(100, 10));
        assertThat(report.examples()).isEqualTo(1);
        assertThat(report.problems())
                .extracting(RowProblem::problem)
                .containsExactly("The row is longer than 100 bytes; shorten or split it.");
    }

    @Test
    void csvIsReadByItsHeaderWithQuotesLineBreaksAndMark() throws IOException {
        List<Row> rows = rows("\uFEFFid, prompt ,completion\r\n1,\"a, \"\"b\"\"\r\nc\",d\r\n\r\n2,,\"\u00e9\"\r\n");
        assertThat(rows).containsExactly(new Row.Completion("a, \"b\"\r\nc", "d"), new Row.Completion("", "é"));
    }

    @Test
    void csvColumnsOfEveryFormatAreKnown() throws IOException {
        assertThat(rows("text\nhello\n")).containsExactly(new Row.Text("hello"));
        assertThat(rows("instruction,input,output\na,,c\n")).containsExactly(new Row.Alpaca("a", "", "c"));
        assertThat(rows("prompt,chosen,rejected\np,a,b\n"))
                .containsExactly(new Row.Pair(new Row.Completion("p", "a"), new Row.Completion("p", "b")));
        assertThat(
                        rows(
                                "chosen,rejected\n"
                                        + "\"[{\"\"role\"\": \"\"assistant\"\", \"\"content\"\": \"\"a\"\"}]\",\"[{\"\"role\"\": \"\"assistant\"\", \"\"content\"\": \"\"b\"\"}]\"\n"))
                .singleElement()
                .isInstanceOf(Row.Pair.class);
        assertThat(rows("messages,tools\n\"[{\"\"role\"\": \"\"assistant\"\", \"\"content\"\": \"\"a\"\"}]\",\n"))
                .singleElement()
                .isInstanceOf(Row.Chat.class);
        assertThat(rows("input_ids,labels\n\"[1, 2]\",\"[-100, 2]\"\n"))
                .singleElement()
                .isInstanceOf(Row.Tokenized.class);
        assertThat(rows("text\n\"[{\"\"role\"\": 1}]\"\n")).containsExactly(new Row.Text("[{\"role\": 1}]"));
    }

    @Test
    void csvProblemsAreToldWithTheLineWhereTheRowBegins() throws IOException {
        DatasetReport report = check("prompt,completion\n\"a\nb\",c\nd,e,f\ng\nh,\ni,j\n", null);
        assertThat(report.kind()).isEqualTo(FileKind.CSV);
        assertThat(report.examples()).isEqualTo(2);
        assertThat(report.problems())
                .containsExactly(
                        new RowProblem(
                                4,
                                "",
                                "The row has 3 cells, but the first line names 2 columns; put cells that hold commas, quotes or line breaks in quotes."),
                        new RowProblem(
                                5,
                                "",
                                "The row has 1 cells, but the first line names 2 columns; put cells that hold commas, quotes or line breaks in quotes."),
                        new RowProblem(
                                6,
                                "completion",
                                "completion is empty, so there is nothing to learn; write it or drop the row."));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "`a,b\n1,2\n` | 1 | The first line names no column that tells the format (it names \"a, b\"); name the columns as in {",
                "`prompt;completion\n1;2\n` | 1 | The columns are separated by semicolons; save the file with commas between them.",
                "`prompt\tcompletion\n1\t2\n` | 1 | The columns are separated by tabs; save the file with commas between them.",
                "`text,text\n1,2\n` | 1 | The column \"text\" is named twice; keep one of them.",
                "`text\n\"a\nb\nc\n` | 2 | A quote (\") is opened and not closed in this row or before it;",
                "`text\n\"a\" b\n` | 2 | The file cannot be read as CSV after line 1 (",
                "`messages\n[{'role': 'user'}]\n` | 2 | messages is not JSON; write the list as JSON in this cell (with double quotes, not as Python prints it).",
                "`text\n` | 2 | The file holds no rows",
            })
    void brokenCsvIsToldInOneSentence(String file, long line, String problem) throws IOException {
        assertThat(check(file, "rows.csv").problems()).last().satisfies(told -> {
            assertThat(told.problem()).contains(problem).endsWith(".").hasLineCount(1);
            assertThat(told.line()).isEqualTo(line);
        });
    }

    @Test
    void csvInAnotherEncodingIsToldSo() throws IOException {
        byte[] bytes = "text\na\n\u00e9\n".getBytes(StandardCharsets.ISO_8859_1);
        DatasetReport report =
                DatasetCheck.check(new ByteArrayInputStream(bytes), null, DataFormat.AUTO, DatasetLimits.DEFAULT);
        assertThat(report.problems())
                .extracting(RowProblem::problem)
                .containsExactly("The file is not valid UTF-8 here; save it as CSV in UTF-8.");
    }

    @Test
    void endlessCellIsRefusedWithoutBeingHeld() throws IOException {
        InputStream endless = new InputStream() {
            private long left = (1L << 31) + 1;

            @Override
            public int read() {
                throw new UnsupportedOperationException("bytes are read in chunks");
            }

            @Override
            public int read(byte[] into, int from, int count) {
                int given = (int) Math.min(count, left);
                Arrays.fill(into, from, from + given, (byte) 'a');
                if (left > (1L << 31)) {
                    byte[] head = "text\n".getBytes(StandardCharsets.UTF_8);
                    System.arraycopy(head, 0, into, from, head.length);
                }
                left -= given;
                return given == 0 ? -1 : given;
            }
        };
        DatasetReport report = DatasetCheck.check(endless, "x.csv", DataFormat.AUTO, new DatasetLimits(1 << 20, 10));
        assertThat(report.problems())
                .singleElement()
                .satisfies(problem -> assertThat(problem.problem())
                        .startsWith("The file cannot be read as CSV after line 1 (")
                        .endsWith("."));
    }

    @ParameterizedTest
    @CsvSource({
        "chat-snappy.parquet, CHAT, 2",
        "chat-zstd-v2.parquet, CHAT, 2",
        "tokens-delta-gzip.parquet, TOKENIZED, 300",
        "tokens-lz4-groups.parquet, TOKENIZED, 300",
        "text-delta-v2.parquet, TEXT, 200",
        "completion-plain.parquet, COMPLETION, 2",
        "pairs-snappy.parquet, PREFERENCE, 1",
    })
    void parquetIsReadFromFilesAndStreams(String name, DataFormat format, long rows) throws IOException {
        DatasetReport report = DatasetCheck.check(parquet(name), DataFormat.AUTO, DatasetLimits.DEFAULT);
        assertThat(report.kind()).isEqualTo(FileKind.PARQUET);
        assertThat(report.format()).isEqualTo(format);
        assertThat(report.examples()).isEqualTo(rows);
        try (InputStream in = Files.newInputStream(parquet(name))) {
            assertThat(DatasetCheck.check(in, null, DataFormat.AUTO, DatasetLimits.DEFAULT))
                    .isEqualTo(report);
        }
    }

    @Test
    void parquetProblemsAreToldByRow() throws IOException {
        assertThat(DatasetCheck.check(parquet("chat-snappy.parquet"), DataFormat.AUTO, DatasetLimits.DEFAULT)
                        .problems())
                .containsExactly(new RowProblem(3, "messages", "messages is empty; write at least one message."));
        assertThatThrownBy(() -> Dataset.load(parquet("text-delta-v2.parquet"), DataFormat.AUTO, null, 391, 64))
                .isInstanceOf(InputException.class)
                .hasMessageStartingWith("text-delta-v2.parquet, row 1: The row is text, but");
    }

    @Test
    void parquetAndJsonLinesOfTheSameRowsGiveTheSameTokens() throws IOException {
        Path lines = Files.writeString(temporary.resolve("rows.jsonl"), """
                {"messages": [{"role": "user", "content": "Where does the ferry leave? ⛴"}, {"role": "assistant", "content": "At the harbour.", "weight": 1}]}
                {"messages": [{"role": "user", "content": "High water?"}, {"role": "assistant", "content": null, "weight": 0, "tool_calls": [{"id": "call00001", "type": "function", "function": {"name": "tide", "arguments": "{\\"day\\": 3}"}}]}, {"role": "tool", "content": "06:12"}, {"role": "assistant", "content": "At 06:12."}], "tools": [{"type": "function", "function": {"name": "tide", "parameters": {"type": "object", "properties": {}}}}]}
                """);
        // Everything that could differ is written: keys that are there, nulls, numbers, tools.
        String template = "{{ tools | tojson }}{% for m in messages %}{{ m.role }}{{ m.content }}{{ m.weight }}"
                + "{{ m.tool_calls is defined }}{{ m.tool_calls | tojson if m.tool_calls }}{% endfor %}"
                + "{% if add_generation_prompt %}assistant{% endif %}";
        try (Tokenizer tokenizer = Fixture.open()) {
            RowEncoder encoder =
                    new RowEncoder(tokenizer, TemplateRenderer.compile(template, java.util.Map.of()), TrainOn.ALL);
            List<RowView> wanted = DatasetPreview.of(lines, DataFormat.AUTO, encoder, 999, 0, 9)
                    .views();
            List<RowView> got = DatasetPreview.of(parquet("chat-snappy.parquet"), DataFormat.AUTO, encoder, 999, 0, 9)
                    .views();
            assertThat(got)
                    .extracting(RowView::text)
                    .isEqualTo(wanted.stream().map(RowView::text).toList());
        }
    }

    @Test
    void temporaryCopiesOfStreamsAreDeleted() throws IOException {
        Path copies = Path.of(System.getProperty("java.io.tmpdir"));
        long before = count(copies);
        try (InputStream in = Files.newInputStream(parquet("pairs-snappy.parquet"))) {
            DatasetCheck.check(in, null, DataFormat.AUTO, DatasetLimits.DEFAULT);
        }
        byte[] broken = Arrays.copyOf(Files.readAllBytes(parquet("pairs-snappy.parquet")), 900);
        assertThat(DatasetCheck.check(new ByteArrayInputStream(broken), null, DataFormat.AUTO, DatasetLimits.DEFAULT)
                        .problems())
                .containsExactly(new RowProblem(
                        1, "", "The Parquet file is cut off (it does not end with PAR1); copy it again."));
        assertThat(count(copies)).isEqualTo(before);
        assertThat(ParquetException.class).isAssignableTo(RuntimeException.class);
    }

    private static long count(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            return files.filter(file -> file.getFileName().toString().matches("dataset.*\\.parquet"))
                    .count();
        }
    }

    @Test
    void filesOfOtherKindsAreNamed() throws IOException {
        assertForeign(
                new byte[] {0x1f, (byte) 0x8b, 8},
                "rows.jsonl.gz",
                "The file is compressed with gzip; unpack it first.");
        assertForeign(
                new byte[] {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd, 0},
                null,
                "The file is compressed with Zstandard; unpack it first.");
        assertForeign(
                new byte[] {'P', 'K', 3, 4, 0},
                "rows.xlsx",
                "The file is a zip archive or an Excel workbook; unpack it, or save the sheet as CSV (UTF-8).");
        assertForeign(
                "ARROW1\0\0".getBytes(StandardCharsets.UTF_8),
                null,
                "The file is an Arrow (Feather) file; save it as Parquet or JSON Lines.");
        assertForeign(
                "hello".getBytes(StandardCharsets.UTF_8),
                "rows.parquet",
                "The file is named .parquet, but does not begin with PAR1 as Parquet files do; copy it again, or name it for what it is.");
    }

    @Test
    void contentTellsTheKindWhateverTheName() throws IOException {
        assertThat(check("prompt,completion\na,b\n", "training_file.jsonl").kind())
                .isEqualTo(FileKind.CSV);
        assertThat(check("[{\"text\": \"a\"}]", "rows.csv").kind()).isEqualTo(FileKind.JSON_ARRAY);
        assertThat(check("{\"text\": \"a\"}", "rows.csv").kind()).isEqualTo(FileKind.JSON_LINES);
        assertThat(check("nonsense", "rows").kind()).isEqualTo(FileKind.JSON_LINES);
        assertThat(check("nonsense", "rows.CSV").kind()).isEqualTo(FileKind.CSV);
    }

    private static void assertForeign(byte[] bytes, @Nullable String name, String sentence) throws IOException {
        assertThat(DatasetCheck.check(new ByteArrayInputStream(bytes), name, DataFormat.AUTO, DatasetLimits.DEFAULT)
                        .problems())
                .containsExactly(new RowProblem(1, "", sentence));
    }

    private static Path parquet(String name) {
        return Path.of(Objects.requireNonNull(ParquetException.class.getResource(name), name)
                .getPath());
    }

    private static List<Row> rows(String file) throws IOException {
        RowReader reader = new RowReader(DataFormat.AUTO);
        try (RowSource source = DatasetFile.open(stream(file, StandardCharsets.UTF_8), null, DatasetLimits.DEFAULT)) {
            List<Row> rows = new java.util.ArrayList<>();
            for (RawRow raw = source.next(); raw != null; raw = source.next()) {
                rows.add(reader.read(raw));
            }
            return rows;
        }
    }

    private static DatasetReport check(String file, @Nullable String name) throws IOException {
        return DatasetCheck.check(stream(file, StandardCharsets.UTF_8), name, DataFormat.AUTO, DatasetLimits.DEFAULT);
    }

    private static InputStream stream(String file, Charset charset) {
        return new ByteArrayInputStream(file.getBytes(charset));
    }
}
