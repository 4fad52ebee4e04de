package dev.lowrank.engine.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.spec.DataFormat;
import dev.lowrank.engine.spec.TrainOn;
import dev.lowrank.engine.tokenizer.Fixture;
import dev.lowrank.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class DatasetTest {
    private static final int VOCABULARY = 391;

    @TempDir
    Path temporary;

    private final Tokenizer tokenizer = Fixture.open();

    @AfterEach
    void close() {
        tokenizer.close();
    }

    @Test
    void idsAndLabelsAreThoseOfTheReference() throws IOException {
        for (JsonNode wanted : Fixture.lines("rows.jsonl")) {
            Example got = load(
                            encoder(TrainOn.ASSISTANT), 1024, wanted.get("row").toString())
                    .get(0);
            assertThat(got.ids()).as(wanted.toString()).isEqualTo(Fixture.ints(wanted.get("ids")));
            assertThat(got.labels()).as(wanted.toString()).isEqualTo(Fixture.ints(wanted.get("labels")));
        }
    }

    @Test
    void trainingOnAllLabelsEveryToken() throws IOException {
        for (JsonNode wanted : Fixture.lines("rows.jsonl")) {
            Example got = load(encoder(TrainOn.ALL), 1024, wanted.get("row").toString())
                    .get(0);
            assertThat(got.labels()).isEqualTo(Fixture.ints(wanted.get("all")));
        }
    }

    @Test
    void theAnswerAndWhatEndsItCarryLoss() throws IOException {
        Example row = load(encoder(TrainOn.ASSISTANT), 1024, """
                        {"messages": [{"role": "user", "content": "boat"}, {"role": "assistant", "content": "tide"}]}""").get(0);
        int[] trained =
                java.util.Arrays.stream(row.labels()).filter(l -> l >= 0).toArray();
        assertThat(tokenizer.decode(trained, false)).isEqualTo("tide<|end|>");
    }

    @Test
    void rowsKeepTheOrderOfTheFileAndBlankLinesAreSkipped() throws IOException {
        Dataset data = load(
                null,
                8,
                "\uFEFF{\"input_ids\": [1, 2], \"labels\": [-100, 2]}",
                "",
                "  \t",
                "{\"input_ids\": [3, 4, 5], \"labels\": [-100, 4, 5]}\r",
                "");
        assertThat(data.size()).isEqualTo(2);
        assertThat(data.format()).isEqualTo(DataFormat.TOKENIZED);
        assertThat(data.get(0).ids()).containsExactly(1, 2);
        assertThat(data.get(1).labels()).containsExactly(-100, 4, 5);
        assertThat(data.trainedTokens()).isEqualTo(3);
        assertThat(data.longestRow()).isEqualTo(3);
        assertThat(data.truncatedRows()).isZero();
    }

    @Test
    void theFirstTokenIsNeverPredictedSoItsLabelDoesNotCount() throws IOException {
        assertThat(load(null, 8, "{\"input_ids\": [1, 2, 3], \"labels\": [1, -100, 3]}")
                        .trainedTokens())
                .isEqualTo(1);
    }

    @Test
    void everyTokenOfPlainTextCarriesLoss() throws IOException {
        Example row = load(encoder(TrainOn.ASSISTANT), 64, "{\"text\": \"The ferry leaves\"}")
                .get(0);
        assertThat(row.labels()).isEqualTo(row.ids());
    }

    @Test
    void longRowsAreCutOffAndCounted() throws IOException {
        Dataset data = load(
                null,
                3,
                "{\"input_ids\": [1, 2, 3, 4], \"labels\": [1, 2, 3, 4]}",
                "{\"input_ids\": [1, 2, 3], \"labels\": [1, 2, 3]}");
        assertThat(data.get(0).ids()).containsExactly(1, 2, 3);
        assertThat(data.get(0).labels()).containsExactly(1, 2, 3);
        assertThat(data.truncatedRows()).isEqualTo(1);
        assertThat(data.trainedTokens()).isEqualTo(4);
    }

    @Test
    void rowsThatLoseEveryTrainedTokenToTheCutAreCountedAndRefused() {
        assertThatThrownBy(() -> load(
                        null,
                        3,
                        "{\"input_ids\": [1, 2, 3], \"labels\": [1, 2, 3]}",
                        "{\"input_ids\": [1, 2, 3, 4], \"labels\": [-100, -100, -100, 4]}",
                        "{\"input_ids\": [1, 2, 3, 4], \"labels\": [-100, -100, -100, 4]}"))
                .isInstanceOf(InputException.class)
                .hasMessage(
                        "rows.jsonl: 2 rows (the first on line 2) lose every trained token when cut off at max_length 3; raise max_length or shorten them.");
    }

    @Test
    void rowsWithNothingToLearnFromAreRefusedByLine() {
        assertRefused(
                null,
                "rows.jsonl, line 2: The row has nothing to learn from",
                "{\"input_ids\": [1, 2], \"labels\": [1, 2]}",
                "{\"input_ids\": [1, 2], \"labels\": [1, -100]}");
        assertRefused(null, "line 1: The row has 1 tokens", "{\"input_ids\": [1], \"labels\": [1]}");
        assertRefused(
                encoder(TrainOn.ASSISTANT),
                "line 1: The row has nothing to learn from",
                "{\"messages\": [{\"role\": \"user\", \"content\": \"Where?\"}]}");
    }

    @Test
    void idsOutsideTheVocabularyAreRefusedByLineAndPlace() {
        assertRefused(
                null,
                "line 1: input_ids[1] is 391, but the model's vocabulary has 391 tokens",
                "{\"input_ids\": [1, 391], \"labels\": [1, 2]}");
        assertRefused(
                null, "line 1: labels[1] is 4000, but the model's", "{\"input_ids\": [1, 2], \"labels\": [1, 4000]}");
        assertRefused(
                null,
                "line 1: labels[1] is -1; write a token id, or -100 for no loss.",
                "{\"input_ids\": [1, 2], \"labels\": [1, -1]}");
    }

    @Test
    void textWithoutTokenizerIsRefused() {
        assertRefused(
                null, "line 1: The row is text, but the base model has no tokenizer.json", "{\"text\": \"boat\"}");
    }

    @Test
    void chatWithoutTemplateIsRefused() {
        assertRefused(
                new RowEncoder(tokenizer, null, TrainOn.ASSISTANT),
                "line 1: messages cannot be used: the base model has no chat template",
                "{\"messages\": [{\"role\": \"assistant\", \"content\": \"x\"}]}");
    }

    @Test
    void templateThatRewritesEarlierTurnsIsRefusedWhereSuchATurnWouldBeLearned() throws IOException {
        ChatRenderer rewriting = (messages, tools, prompt) -> {
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < messages.size(); i++) {
                boolean last = i == messages.size() - 1;
                boolean answer = "assistant".equals(messages.get(i).get("role"));
                text.append('<')
                        .append(answer && last ? "thought" : "")
                        .append(messages.get(i).get("content"));
            }
            return text.append(prompt ? "<" : "").toString();
        };
        RowEncoder encoder = new RowEncoder(tokenizer, rewriting, TrainOn.ASSISTANT);
        String row = """
                {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"%s},\
                 {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}]}""";
        assertRefused(
                encoder,
                "line 1: messages[1] is written differently by the chat template once later messages follow; give this message \"weight\": 0",
                row.formatted(""));
        assertThat(load(encoder, 64, row.formatted(", \"weight\": 0")).trainedTokens())
                .isPositive();
    }

    @Test
    void templateWhosePromptIsNotHowAnAnswerBeginsIsRefused() {
        ChatRenderer thinking = (messages, tools, prompt) -> messages + (prompt ? "<think>" : "");
        assertRefused(
                new RowEncoder(tokenizer, thinking, TrainOn.ASSISTANT),
                "line 1: messages[0] does not begin, in the chat template's text, with the prompt",
                "{\"messages\": [{\"role\": \"assistant\", \"content\": \"x\"}]}");
    }

    @Test
    void templateThatRefusesAConversationIsQuoted() {
        ChatRenderer strict = (messages, tools, prompt) -> {
            throw new IllegalArgumentException("roles must alternate");
        };
        assertRefused(
                new RowEncoder(tokenizer, strict, TrainOn.ASSISTANT),
                "line 1: messages cannot be written by the model's chat template (roles must alternate)",
                "{\"messages\": [{\"role\": \"user\", \"content\": \"x\"}]}");
    }

    @Test
    void missingAndEmptyFilesAreRefused() throws IOException {
        assertThatThrownBy(() -> Dataset.load(temporary.resolve("none.jsonl"), DataFormat.AUTO, null, VOCABULARY, 8))
                .isInstanceOf(InputException.class)
                .hasMessage("The dataset none.jsonl is missing or no file; check the path.");
        assertRefused(null, "rows.jsonl holds no rows", "", "  ");
    }

    @Test
    void formatGivenIsTheFormatWanted() throws IOException {
        Path file = write("{\"text\": \"boat\"}");
        assertThatThrownBy(() -> Dataset.load(file, DataFormat.CHAT, encoder(TrainOn.ASSISTANT), VOCABULARY, 8))
                .hasMessageContaining("line 1: The row is of format text, but this file's format is chat");
    }

    private void assertRefused(@Nullable RowEncoder encoder, String message, String... lines) {
        assertThatThrownBy(() -> load(encoder, 64, lines))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(message)
                .hasMessageEndingWith(".");
    }

    private RowEncoder encoder(TrainOn trainOn) {
        return new RowEncoder(tokenizer, new TagRenderer(), trainOn);
    }

    private Dataset load(@Nullable RowEncoder encoder, int maxLength, String... lines) throws IOException {
        return Dataset.load(write(lines), DataFormat.AUTO, encoder, VOCABULARY, maxLength);
    }

    private Path write(String... lines) throws IOException {
        return Files.write(temporary.resolve("rows.jsonl"), List.of(lines));
    }
}
