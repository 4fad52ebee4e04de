package dev.lowrank.engine.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.spec.DataFormat;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DatasetCheckTest {
    private static final String SOUND =
            chat("{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"b\"}");

    private static String chat(String messages) {
        return "{\"messages\": [" + messages + "]}";
    }

    @Test
    void soundFileHasNoProblems() throws IOException {
        DatasetReport report = check(SOUND + "\r\n\n" + SOUND);
        assertThat(report)
                .isEqualTo(new DatasetReport(FileKind.JSON_LINES, DataFormat.CHAT, 3, 2, 1, java.util.List.of(), 0));
        assertThat(report.sound()).isTrue();
    }

    @Test
    void everythingTheHostedApiTakesIsTaken() throws IOException {
        assertThat(check("""
                                {"messages": [{"role": "developer", "content": "x"}, {"role": "user", "name": "ann", "content": [{"type": "text", "text": "x"}]}, {"role": "assistant", "content": null, "weight": 0, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}, {"role": "tool", "tool_call_id": "1", "content": "7"}, {"role": "assistant", "content": "y", "weight": 1}, {"role": "user", "content": "thanks"}], "tools": [{"type": "function", "function": {"name": "f"}}], "parallel_tool_calls": false, "note": 7}
                                {"messages": [{"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}]}
                                """).problems()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"messages\": 7} | messages | messages is a number; write a list of messages.",
                "{\"messages\": []} | messages | messages is empty; write at least one message.",
                "{\"messages\": [7]} | messages[0] | messages[0] is a number; write an object with \"role\" and \"content\".",
                "{\"messages\": [{\"content\": \"a\"}]} | messages[0].role | messages[0].role is missing; use one of system, user, assistant, tool, developer, function.",
                "{\"messages\": [{\"role\": \"bot\", \"content\": \"a\"}]} | messages[0].role | messages[0].role is \"bot\"; use one of system, user, assistant, tool, developer, function.",
                "{\"messages\": [{\"role\": \"user\", \"content\": 7}]} | messages[0].content | messages[0].content is a number; write a string or a list of content parts.",
                "{\"messages\": [{\"role\": \"user\"}]} | messages[0].content | messages[0].content is missing; write a string.",
                "{\"messages\": [{\"role\": \"user\", \"content\": [\"a\"]}]} | messages[0].content[0] | messages[0].content[0] is not a content part; write {\"type\": \"text\", \"text\": …} or make the content a string.",
                "{\"messages\": [{\"role\": \"assistant\", \"content\": null}]} | messages[0] | messages[0] has neither content nor tool_calls; add what the assistant shall answer.",
                "{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\", \"weight\": 2}]} | messages[0].weight | messages[0].weight is 2; write 1 (learn this answer) or 0 (only context).",
                "{\"messages\": [{\"role\": \"user\", \"content\": \"a\", \"weight\": 1}]} | messages[0].weight | messages[0].weight stands on a user message; only assistant messages carry loss, so remove it.",
                "{\"messages\": [{\"role\": \"user\", \"content\": \"a\", \"tool_calls\": [{}]}]} | messages[0].tool_calls | messages[0].tool_calls stands on a user message; only the assistant calls tools.",
                "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]} | messages | messages has no assistant message, so there is no answer to learn; add one.",
                "{\"messages\": [{\"role\": \"assistant\", \"content\": \"a\", \"weight\": 0}]} | messages | messages has only assistant messages of weight 0; give at least one of them weight 1.",
                "{\"prompt\": \"a\"} | completion | completion is missing; add it as a string.",
                "{\"prompt\": [\"a\"], \"completion\": \"b\"} | prompt | prompt is a list; write a string.",
                "{\"prompt\": \"a\", \"completion\": \"\"} | completion | completion is empty, so there is nothing to learn; write it or drop the row.",
                "{\"text\": true} | text | text is true; write a string.",
                "{\"input_ids\": [1, 2], \"labels\": [1]} | labels | labels has 1 entries, but input_ids has 2; give each token one label (-100 for none).",
                "{\"input_ids\": [1, 2.5], \"labels\": [1, 2]} | input_ids[1] | input_ids[1] is 2.5; write a token id.",
                "{\"input_ids\": [1, -100], \"labels\": [1, 2]} | input_ids[1] | input_ids[1] is -100; write a token id.",
                "{\"input_ids\": [1, 2], \"labels\": [1, -100]} | labels | labels has only -100 after the first entry, so there is nothing to learn; label some tokens.",
                "{\"text\": \"a\\u0000\"} | text | text holds a NUL character (\\u0000); remove it.",
                "{\"messages\": [{\"role\": \"user\", \"content\": \"\\ud800\"}]} | messages[0].content | messages[0].content holds half of a surrogate pair (\\ud800 to \\udfff alone); remove it.",
                "{\"question\": \"a\"} | `` | The row has no key that tells its format; write {\"input_ids\", \"labels\"}, or {\"chosen\", \"rejected\"}, or {\"messages\"}, or {\"conversations\"}, or {\"instruction\", \"output\"}, or {\"prompt\", \"completion\"}, or {\"text\"}.",
                "{ | `` | The line holds only \"{\"; put each row on one line, without line breaks inside.",
                "{\"text\": \"a\", \"text\": \"b\"} | `` | A key stands twice in one object (column 21); keep one of them.",
            })
    void problemIsToldWithFieldAndRemedy(String row, String field, String problem) throws IOException {
        DatasetReport report = check(row);
        assertThat(report.problems()).containsExactly(new RowProblem(1, field, problem));
        assertThat(report.examples()).isZero();
    }

    @Test
    void brokenJsonIsToldWithItsColumn() throws IOException {
        assertProblem(check("{\"text\": \"a\",}"), 1, "The line is not valid JSON at column 14 (");
        assertProblem(check("{\"text\": \"a\"} x"), 1, "The line is not valid JSON at column 1");
        assertProblem(check("nonsense"), 1, "The line is not valid JSON at column");
    }

    @Test
    void badBytesAreToldWithLineAndPlace() throws IOException {
        byte[] bytes = (SOUND + "\n{\"text\": \"a?\"}").getBytes(StandardCharsets.UTF_8);
        bytes[bytes.length - 3] = (byte) 0xFF;
        assertProblem(check(bytes), 2, "The line is not valid UTF-8 from byte 12 on; save the file as UTF-8.");
        bytes[bytes.length - 3] = 0;
        assertProblem(check(bytes), 2, "The line holds a NUL byte (byte 12)");
        assertProblem(check("{\"text\": \"a\"}".getBytes(StandardCharsets.UTF_16)), 1, "save the file as UTF-8");
    }

    @Test
    void namesThatTheAuthorChoseAreShownHarmlessly() throws IOException {
        DatasetReport report =
                check("{\"text\": \"a\", \"b\\u001b[2J\": {\"%s\": \"\\u0000\"}}".formatted("k".repeat(500)));
        assertThat(report.problems().getFirst().field()).startsWith("b?[2J.kkk").hasSize(200);
    }

    @Test
    void byteOrderMarkIsTakenOnlyWhereTheFileBegins() throws IOException {
        assertThat(check("\uFEFF" + SOUND).sound()).isTrue();
        assertProblem(check(SOUND + "\n\uFEFF" + SOUND), 2, "The line is not valid JSON at column 1");
    }

    @Test
    void rowsOfAnotherFormatThanTheFirstAreTold() throws IOException {
        DatasetReport report = check(SOUND + "\n{\"text\": \"a\"}\n{\"question\": 1}\n{\"conversations\": []}");
        assertThat(report.problems())
                .extracting(RowProblem::problem)
                .containsExactly(
                        "The row is of format text, but this file's format is chat; keep one format a file.",
                        "The row lacks \"messages\"; add it.",
                        "The row is of format sharegpt, but this file's format is chat; keep one format a file.");
        assertThat(report.examples()).isEqualTo(1);
    }

    @Test
    void deepAndOvergrownRowsAreRefused() throws IOException {
        assertProblem(check("{\"text\": " + "[".repeat(70) + "]".repeat(70) + "}"), 1, "The row nests deeper than 64");
        String many = "[],".repeat(1_100_000);
        assertProblem(check("{\"text\": [" + many + "1]}"), 1, "holds more than 2000000 values");
    }

    @Test
    void onlyTheFirstProblemsAreKeptButAllAreCounted() throws IOException {
        String file = IntStream.range(0, 250).mapToObj(i -> "{\"text\": 1}").collect(Collectors.joining("\n"));
        DatasetReport report = check(file);
        assertThat(report.problems()).hasSize(100);
        assertThat(report.problems().getLast().line()).isEqualTo(100);
        assertThat(report.problemCount()).isEqualTo(250);
    }

    @Test
    void emptyFileIsAProblem() throws IOException {
        assertProblem(check(""), 1, "The file holds no rows");
        assertProblem(check("\n \n"), 2, "The file holds no rows");
    }

    @Test
    void endlessLineIsRefusedWithoutBeingHeld() throws IOException {
        long size = (1L << 31) + 1; // more than any array can hold
        InputStream endless = new InputStream() {
            private long left = size;

            @Override
            public int read() {
                throw new UnsupportedOperationException("bytes are read in chunks");
            }

            @Override
            public int read(byte[] into, int from, int count) {
                int given = (int) Math.min(count, left);
                left -= given;
                return given == 0 ? -1 : given;
            }
        };
        DatasetReport report = DatasetCheck.check(endless, null, DataFormat.AUTO, new DatasetLimits(1 << 20, 100));
        assertProblem(report, 1, "The line is longer than 1048576 bytes; shorten or split the row.");
        assertThat(report.lines()).isEqualTo(1);
    }

    @Test
    void lineAtTheLimitIsTakenAndTheNextIsReadAfterOneThatIsTooLong() throws IOException {
        DatasetLimits limits = new DatasetLimits(SOUND.length(), 100);
        String file = SOUND + "\n " + SOUND + "\n" + SOUND;
        DatasetReport report =
                DatasetCheck.check(stream(file.getBytes(StandardCharsets.UTF_8)), null, DataFormat.AUTO, limits);
        assertThat(report.examples()).isEqualTo(2);
        assertThat(report.problems())
                .singleElement()
                .satisfies(p -> assertThat(p.line()).isEqualTo(2));
    }

    private static void assertProblem(DatasetReport report, long line, String sentence) {
        assertThat(report.problems()).singleElement().satisfies(problem -> {
            assertThat(problem.line()).isEqualTo(line);
            assertThat(problem.problem()).contains(sentence).endsWith(".");
        });
    }

    private static DatasetReport check(String file) throws IOException {
        return check(file.getBytes(StandardCharsets.UTF_8));
    }

    private static DatasetReport check(byte[] file) throws IOException {
        return DatasetCheck.check(stream(file), null, DataFormat.AUTO, DatasetLimits.DEFAULT);
    }

    private static InputStream stream(byte[] bytes) {
        return new ByteArrayInputStream(bytes);
    }
}
