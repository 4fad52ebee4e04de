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
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PreferenceDatasetTest {
    private static final int VOCABULARY = 391;
    private static final String IDS =
            "{\"chosen\": {\"input_ids\": %s, \"labels\": %s}, \"rejected\": {\"input_ids\": %s, \"labels\": %s}}";

    @TempDir
    Path temporary;

    private final Tokenizer tokenizer = Fixture.open();

    @AfterEach
    void close() {
        tokenizer.close();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"input\": {\"messages\": [{\"role\": \"user\", \"content\": \"boat\"}, {\"role\": \"assistant\", \"content\": \"pier\"}, {\"role\": \"user\", \"content\": \"?\"}], \"tools\": [], \"parallel_tool_calls\": true}, \"preferred_output\": [{\"role\": \"assistant\", \"content\": \"tide\"}], \"non_preferred_output\": [{\"role\": \"assistant\", \"content\": \"ferry\"}]}",
                "{\"prompt\": [{\"role\": \"user\", \"content\": \"boat\"}, {\"role\": \"assistant\", \"content\": \"pier\"}, {\"role\": \"user\", \"content\": \"?\"}], \"chosen\": [{\"role\": \"assistant\", \"content\": \"tide\"}], \"rejected\": [{\"role\": \"assistant\", \"content\": \"ferry\"}]}",
                "{\"prompt\": \"boat\", \"chosen\": [{\"role\": \"user\", \"content\": \"boat\"}, {\"role\": \"assistant\", \"content\": \"pier\"}, {\"role\": \"user\", \"content\": \"?\"}, {\"role\": \"assistant\", \"content\": \"tide\"}], \"rejected\": [{\"role\": \"user\", \"content\": \"boat\"}, {\"role\": \"assistant\", \"content\": \"pier\"}, {\"role\": \"user\", \"content\": \"?\"}, {\"role\": \"assistant\", \"content\": \"ferry\"}]}",
            })
    void onlyTheAnswersThatDifferCarryLossInConversations(String row) throws IOException {
        PreferencePair pair = load(encoder(), 1024, row).get(0);
        String prompt = "<|bos|><|user|>boat<|end|><|assistant|>pier<|end|><|user|>?<|end|><|assistant|>";
        assertSide(pair.chosen(), prompt, "tide<|end|>");
        assertSide(pair.rejected(), prompt, "ferry<|end|>");
    }

    @Test
    void textsArePutTogetherWithNothingAdded() throws IOException {
        PreferencePair pair = load(
                        encoder(), 1024, "{\"prompt\": \"The\", \"chosen\": \" ferry\", \"rejected\": \" tide\"}")
                .get(0);
        assertSide(pair.chosen(), "The", " ferry");
        assertSide(pair.rejected(), "The", " tide");
    }

    @Test
    void textsWithoutPromptShareItUpToTheLastWholeWord() throws IOException {
        PreferencePair pair = load(
                        encoder(),
                        1024,
                        "{\"chosen\": \"Human: boat\\n\\nAssistant: The ferry\", \"rejected\": \"Human: boat\\n\\nAssistant: The fence\"}")
                .get(0);
        assertSide(pair.chosen(), "Human: boat\n\nAssistant: The", " ferry");
        assertSide(pair.rejected(), "Human: boat\n\nAssistant: The", " fence");
    }

    @Test
    void idsAreTakenAsTheyAreAndCutOffSideBySide() throws IOException {
        PreferenceDataset pairs = load(
                null,
                3,
                IDS.formatted("[1, 2, 3, 4]", "[-100, 2, 3, 4]", "[1, 5]", "[-100, 5]"),
                IDS.formatted("[1, 2]", "[-100, 2]", "[1, 6, 7]", "[-100, 6, -100]"));
        assertThat(pairs.size()).isEqualTo(2);
        assertThat(pairs.get(0).chosen().ids()).containsExactly(1, 2, 3);
        assertThat(pairs.get(0).chosen().labels()).containsExactly(-100, 2, 3);
        assertThat(pairs.get(0).rejected().ids()).containsExactly(1, 5);
        assertThat(pairs.truncatedRows()).isEqualTo(1);
        assertThat(pairs.longestRow()).isEqualTo(3);
        assertThat(pairs.trainedTokens()).isEqualTo(5);
        assertThat(pairs.first(1).size()).isEqualTo(1);
    }

    @Test
    void sidesWithNothingToLearnAreRefusedByLine() {
        assertRefused(
                null,
                "pairs.jsonl, line 2: In the rejected answer: The row has nothing to learn from",
                IDS.formatted("[1, 2]", "[-100, 2]", "[1, 3]", "[-100, 3]"),
                IDS.formatted("[1, 2]", "[-100, 2]", "[1, 3]", "[1, -100]"));
        assertRefused(
                null,
                "line 1: In the chosen answer: The row has 1 tokens",
                IDS.formatted("[1]", "[1]", "[1, 3]", "[-100, 3]"));
    }

    @Test
    void idsOutsideTheVocabularyAreRefusedByLineAndSide() {
        assertRefused(
                null,
                "line 1: In the chosen answer: input_ids[1] is 391, but the model's vocabulary has 391 tokens",
                IDS.formatted("[1, 391]", "[-100, 2]", "[1, 3]", "[-100, 3]"));
    }

    @Test
    void pairsOfEqualTokensAreRefused() {
        assertRefused(
                null,
                "line 1: The chosen and the rejected answer are the same tokens, so there is nothing to prefer",
                IDS.formatted("[1, 2, 3]", "[-100, 2, 3]", "[1, 2, 3]", "[-100, -100, 3]"));
    }

    @Test
    void pairsThatTheCutLeavesWithoutADifferenceAreCountedAndRefused() {
        assertThatThrownBy(() -> load(
                        null,
                        3,
                        IDS.formatted("[1, 2, 3]", "[-100, 2, 3]", "[1, 4]", "[-100, 4]"),
                        IDS.formatted("[1, 2, 3, 4]", "[-100, 2, 3, 4]", "[1, 2, 3, 5]", "[-100, 2, 3, 5]"),
                        IDS.formatted("[1, 2, 3, 4]", "[-100, -100, -100, 4]", "[1, 5]", "[-100, 5]")))
                .isInstanceOf(InputException.class)
                .hasMessage(
                        "pairs.jsonl: 2 rows (the first on line 2) lose every trained token when cut off at max_length 3; raise max_length or shorten them.");
    }

    @Test
    void otherRowsAreNoPairsAndPairsNoOtherRows() throws IOException {
        assertRefused(
                null,
                "line 1: The row is of format tokenized, but preference pairs are wanted; write {\"prompt\", \"chosen\", \"rejected\"}",
                "{\"input_ids\": [1, 2], \"labels\": [1, 2]}");
        Path pairs = write(IDS.formatted("[1, 2]", "[-100, 2]", "[1, 3]", "[-100, 3]"));
        assertThatThrownBy(() -> Dataset.load(pairs, DataFormat.AUTO, null, VOCABULARY, 8))
                .isInstanceOf(InputException.class)
                .hasMessageStartingWith(
                        "pairs.jsonl, line 1: The row is a preference pair, which only the method dpo learns from;");
    }

    @Test
    void templateThatRefusesAnAnswerIsQuotedWithItsSide() {
        ChatRenderer strict = (messages, tools, prompt) -> {
            if (messages.toString().contains("ferry")) {
                throw new IllegalArgumentException("no ferries");
            }
            return new TagRenderer().render(messages, tools, prompt);
        };
        assertRefused(
                new RowEncoder(tokenizer, strict, TrainOn.ASSISTANT),
                "line 1: In the rejected answer: messages cannot be written by the model's chat template (no ferries)",
                "{\"prompt\": [{\"role\": \"user\", \"content\": \"boat\"}], \"chosen\": [{\"role\": \"assistant\", \"content\": \"tide\"}], \"rejected\": [{\"role\": \"assistant\", \"content\": \"ferry\"}]}");
    }

    @Test
    void previewShowsBothSides() throws IOException {
        Path file = write("{\"prompt\": \"The\", \"chosen\": \" ferry\", \"rejected\": \" tide\"}");
        DatasetPreview preview = DatasetPreview.of(file, DataFormat.AUTO, encoder(), 1024, 0, 3);
        assertThat(preview.views()).extracting(RowView::side).containsExactly("chosen", "rejected");
        assertThat(preview.rows()).isEqualTo(1);
        assertThat(preview.lengths().rows()).isEqualTo(2);
        assertThat(preview.render(false))
                .contains(
                        "dataset        JSON Lines of preference pairs",
                        "line 1, chosen: 2",
                        "The⟦ ferry⟧",
                        "The⟦ tide⟧");
    }

    private void assertSide(Example side, String prompt, String answer) {
        assertThat(tokenizer.decode(side.ids(), false)).isEqualTo(prompt + answer);
        int[] trained = Arrays.stream(side.labels()).filter(label -> label >= 0).toArray();
        assertThat(tokenizer.decode(trained, false).strip()).isEqualTo(answer.strip());
    }

    private void assertRefused(@Nullable RowEncoder encoder, String message, String... rows) {
        assertThatThrownBy(() -> load(encoder, 64, rows))
                .isInstanceOf(InputException.class)
                .hasMessageContaining(message)
                .hasMessageEndingWith(".");
    }

    private RowEncoder encoder() {
        return new RowEncoder(tokenizer, new TagRenderer(), TrainOn.ASSISTANT);
    }

    private PreferenceDataset load(@Nullable RowEncoder encoder, int maxLength, String... rows) throws IOException {
        return PreferenceDataset.load(write(rows), encoder, VOCABULARY, maxLength);
    }

    private Path write(String... rows) throws IOException {
        return Files.write(temporary.resolve("pairs.jsonl"), List.of(rows));
    }
}
