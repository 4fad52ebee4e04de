package dev.lowrank.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.engine.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class TokenizerTest {
    @TempDir
    Path temporary;

    @Test
    void idsAndStartsAreThoseOfTransformers() {
        try (Tokenizer tokenizer = Fixture.open()) {
            for (JsonNode wanted : Fixture.lines("encodings.jsonl")) {
                Encoding got = tokenizer.encode(wanted.get("text").stringValue());
                assertThat(got.ids()).as(wanted.toString()).isEqualTo(Fixture.ints(wanted.get("ids")));
                assertThat(got.starts()).as(wanted.toString()).isEqualTo(Fixture.ints(wanted.get("starts")));
            }
        }
    }

    @Test
    void decodingGivesTheTextOfTransformers() {
        try (Tokenizer tokenizer = Fixture.open()) {
            for (JsonNode wanted : Fixture.lines("encodings.jsonl")) {
                assertThat(tokenizer.decode(Fixture.ints(wanted.get("ids")), false))
                        .isEqualTo(wanted.get("decoded").stringValue());
            }
        }
    }

    @Test
    void specialTokensAreLeftOutOfTheTextWhenAsked() {
        try (Tokenizer tokenizer = Fixture.open()) {
            int[] ids = tokenizer.encode("<|user|>boat<|end|>").ids();
            assertThat(tokenizer.decode(ids, true)).isEqualTo("boat");
            assertThat(tokenizer.decode(ids, false)).isEqualTo("<|user|>boat<|end|>");
        }
    }

    @Test
    void tellsItsTokensTemplateAndDigest() {
        try (Tokenizer tokenizer = Fixture.open()) {
            assertThat(tokenizer.vocabularySize()).isEqualTo(391);
            assertThat(tokenizer.idOf("<|end|>")).isEqualTo(6);
            assertThat(tokenizer.idOf("no such token")).isNull();
            assertThat(tokenizer.bosToken()).isEqualTo("<|bos|>");
            assertThat(tokenizer.eosToken()).isEqualTo("<|eos|>");
            assertThat(tokenizer.padToken()).isEqualTo("<|pad|>");
            assertThat(tokenizer.specialTokens()).containsOnlyKeys("bos_token", "eos_token", "pad_token");
            assertThat(tokenizer.chatTemplate()).startsWith("{{ bos_token }}");
            assertThat(tokenizer.sha256()).matches("[0-9a-f]{64}");
        }
    }

    @Test
    void missingTokenizerNamesTheFileAndTheRemedy() {
        assertThatThrownBy(() -> Tokenizer.open(temporary))
                .isInstanceOf(InputException.class)
                .hasMessageEndingWith("tokenizer.json is missing; copy it from the base model's folder.");
    }

    @Test
    void brokenTokenizerIsRefusedInOneSentence() throws IOException {
        assertRefused("{\"model\": {\"vocab\": {\"a\": 0", "is not valid JSON");
        assertRefused("{\"model\": {\"type\": \"BPE\"}}", "holds no vocabulary");
        assertRefused("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}}}", "cannot be used as a tokenizer");
        assertRefused("[]", "is not a JSON object");
        assertRefused("", "is not a JSON object");
        assertRefused(
                "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {\"a\": -1}}}",
                "gives a token an id that is not a whole number");
        assertRefused(
                "{\"model\": {\"type\": \"WordLevel\", \"vocab\": {\"a\": 99999999999999999999999}}}",
                "gives a token an id that is not a whole number");
        assertRefused("{\"model\": {\"type\": \"Odd\", \"vocab\": {\"a\": 0}}}", "has a model that is none of BPE");
    }

    private void assertRefused(String json, String problem) throws IOException {
        Files.writeString(temporary.resolve("tokenizer.json"), json);
        assertThatThrownBy(() -> Tokenizer.open(temporary))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("tokenizer.json " + problem)
                .hasMessageEndingWith(".");
    }

    @Test
    void inlineTemplateNamedDefaultIsTakenFromAList() throws IOException {
        copyTokenizer();
        Files.writeString(temporary.resolve("tokenizer_config.json"), """
                {"chat_template": [{"name": "rag", "template": "R"}, {"name": "default", "template": "D"}]}""");
        assertTemplate("D");
    }

    @Test
    void templateFileWinsOverTheInlineOne() throws IOException {
        copyTokenizer();
        Files.writeString(temporary.resolve("tokenizer_config.json"), "{\"chat_template\": \"inline\"}");
        assertTemplate("inline");
        Files.writeString(temporary.resolve("chat_template.jinja"), "beside");
        assertTemplate("beside");
    }

    private void assertTemplate(String wanted) {
        try (Tokenizer tokenizer = Tokenizer.open(temporary)) {
            assertThat(tokenizer.chatTemplate()).isEqualTo(wanted);
        }
    }

    @Test
    void olderTokenMapCountsOnlyWhereTheConfigListsNoAddedTokens() throws IOException {
        copyTokenizer();
        Files.writeString(temporary.resolve("special_tokens_map.json"), "{\"eos_token\": {\"content\": \"<|end|>\"}}");
        Files.writeString(temporary.resolve("tokenizer_config.json"), "{\"eos_token\": \"<|eos|>\"}");
        assertEos("<|end|>");
        Files.writeString(
                temporary.resolve("tokenizer_config.json"),
                "{\"eos_token\": \"<|eos|>\", \"added_tokens_decoder\": {}}");
        assertEos("<|eos|>");
    }

    private void assertEos(String wanted) {
        try (Tokenizer tokenizer = Tokenizer.open(temporary)) {
            assertThat(tokenizer.eosToken()).isEqualTo(wanted);
        }
    }

    @Test
    void tokenOfTheWrongKindIsRefused() throws IOException {
        copyTokenizer();
        Files.writeString(temporary.resolve("tokenizer_config.json"), "{\"eos_token\": 7}");
        assertThatThrownBy(() -> Tokenizer.open(temporary))
                .isInstanceOf(InputException.class)
                .hasMessageContaining("tokenizer_config.json has \"eos_token\" as neither a text");
    }

    @Test
    void truncationAndPaddingInTheFileAreSwitchedOff() throws IOException {
        String json = Files.readString(Fixture.folder().resolve("tokenizer.json"))
                .replace(
                        "\"truncation\": null",
                        "\"truncation\": {\"direction\": \"Right\", \"max_length\": 2, \"strategy\": \"LongestFirst\", \"stride\": 0}")
                .replace(
                        "\"padding\": null",
                        "\"padding\": {\"strategy\": {\"Fixed\": 50}, \"direction\": \"Right\", \"pad_to_multiple_of\": null, \"pad_id\": 0, \"pad_type_id\": 0, \"pad_token\": \"<|pad|>\"}");
        Files.writeString(temporary.resolve("tokenizer.json"), json);
        try (Tokenizer plain = Fixture.open();
                Tokenizer cutting = Tokenizer.open(temporary)) {
            String text = "Count the boats before the evening tide.";
            assertThat(cutting.encode(text).ids()).isEqualTo(plain.encode(text).ids());
        }
    }

    @Test
    void unigramVocabularyCountsItsPieces() throws IOException {
        Files.writeString(temporary.resolve("tokenizer.json"), """
                {"version": "1.0", "truncation": null, "padding": null,
                 "added_tokens": [{"id": 5, "content": "<x>", "single_word": false, "lstrip": false, "rstrip": false,
                   "normalized": false, "special": true}],
                 "normalizer": null,
                 "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true},
                 "post_processor": null,
                 "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": true},
                 "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": false,
                   "vocab": [["<unk>", 0.0], ["▁", -2.0], ["▁boat", -1.0], ["s", -2.0], ["é", -3.0]]}}""");
        try (Tokenizer tokenizer = Tokenizer.open(temporary)) {
            assertThat(tokenizer.vocabularySize()).isEqualTo(6);
            assertThat(tokenizer.idOf("▁boat")).isEqualTo(2);
            Encoding boats = tokenizer.encode("boats boat<x>");
            assertThat(boats.ids()).containsExactly(2, 3, 2, 5);
            assertThat(boats.starts()).containsExactly(0, 4, 5, 10);
            assertThat(tokenizer.decode(boats.ids(), true)).isEqualTo("boats boat");
        }
    }

    @Test
    void halfASurrogatePairIsRefused() {
        try (Tokenizer tokenizer = Fixture.open()) {
            assertThatThrownBy(() -> tokenizer.encode("a\ud83d b"))
                    .isInstanceOf(InputException.class)
                    .hasMessageContaining("surrogate");
        }
    }

    @Test
    void closedTokenizerRefusesWorkInsteadOfCrashing() {
        Tokenizer tokenizer = Fixture.open();
        tokenizer.close();
        tokenizer.close();
        assertThatThrownBy(() -> tokenizer.encode("boat")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> tokenizer.decode(new int[] {1}, false)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void severalThreadsGetTheSameIds() throws Exception {
        try (Tokenizer tokenizer = Fixture.open();
                ExecutorService threads = Executors.newFixedThreadPool(4)) {
            int[] wanted =
                    tokenizer.encode("The ferry leaves the harbour at nine.").ids();
            Callable<int[]> task = () ->
                    tokenizer.encode("The ferry leaves the harbour at nine.").ids();
            List<Future<int[]>> got = threads.invokeAll(
                    IntStream.range(0, 200).mapToObj(i -> task).toList());
            for (Future<int[]> ids : got) {
                assertThat(ids.get()).isEqualTo(wanted);
            }
        }
    }

    private void copyTokenizer() throws IOException {
        Files.copy(Fixture.folder().resolve("tokenizer.json"), temporary.resolve("tokenizer.json"));
    }
}
