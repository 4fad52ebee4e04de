package dev.lowrank.engine.export;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.SharedData;
import dev.lowrank.engine.format.GgufValue;
import dev.lowrank.engine.format.Sentences;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

class TokenizerKeysTest {
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final String LLAMA3 =
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    @TempDir
    Path temporary;

    private static TokenizerKeys read(Path folder, int rows) {
        return TokenizerKeys.read(folder, new Settings(folder.resolve("config.json"), JSON.createObjectNode()), rows);
    }

    private Path changed(Path source, String file, String changes) throws IOException {
        return TinyModels.changed(source, temporary.resolve("t"), file, changes);
    }

    private static List<String> texts(TokenizerKeys keys, String key) {
        return ((GgufValue.Texts) keys.values().get(key)).values();
    }

    private static List<Long> kinds(TokenizerKeys keys) {
        return ((GgufValue.Wholes) keys.values().get("tokenizer.ggml.token_type")).values();
    }

    @Test
    void byteLevelTokenizerKeepsTokensMergesAndSpecialIds() {
        TokenizerKeys keys = read(TinyModels.bytePairs(), 400);
        assertThat(keys.values())
                .containsEntry("tokenizer.ggml.model", GgufValue.text("gpt2"))
                .containsEntry("tokenizer.ggml.pre", GgufValue.text("gpt-2"))
                .containsEntry("tokenizer.ggml.bos_token_id", GgufValue.u32(1))
                .containsEntry("tokenizer.ggml.eos_token_id", GgufValue.u32(2))
                .containsEntry("tokenizer.ggml.padding_token_id", GgufValue.u32(0))
                .containsEntry("tokenizer.ggml.add_bos_token", GgufValue.flag(false))
                .containsEntry("tokenizer.ggml.add_eos_token", GgufValue.flag(false))
                .containsKey("tokenizer.chat_template");
        assertThat(texts(keys, "tokenizer.ggml.tokens"))
                .hasSize(400)
                .startsWith("<|pad|>", "<|bos|>", "<|eos|>")
                .endsWith("[PAD398]", "[PAD399]");
        assertThat(texts(keys, "tokenizer.ggml.merges"))
                .contains("h e")
                .allMatch(merge -> merge.split(" ").length == 2);
        assertThat(kinds(keys)).startsWith(3L, 3L, 3L).endsWith(5L, 5L).contains(1L);
        assertThat(keys.notes()).isEmpty();
    }

    @Test
    void tokenizerLargerThanTheModelIsRefused() {
        assertThat(Sentences.refusal(() -> read(TinyModels.bytePairs(), 300))).contains("has 300 rows for tokens");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'type':'Sequence','pretokenizers':[{'type':'Digits','individual_digits':true},{'type':'ByteLevel','add_prefix_space':false,'use_regex':true}]}|false|smollm",
                "{'type':'Sequence','pretokenizers':[{'type':'Split','pattern':{'Regex':'LLAMA3'},'behavior':'Isolated','invert':false},{'type':'ByteLevel','add_prefix_space':false,'use_regex':false}]}|true|llama-bpe",
                "{'type':'Sequence','pretokenizers':[{'type':'Split','pattern':{'Regex':'LLAMA3'},'behavior':'Removed','invert':true},{'type':'ByteLevel','add_prefix_space':false,'use_regex':false}]}|false|dbrx",
                "{'type':'Sequence','pretokenizers':[{'type':'Split','pattern':{'Regex':'QWEN2'},'behavior':'Isolated','invert':false},{'type':'ByteLevel','add_prefix_space':false,'use_regex':false}]}|false|qwen2",
                "{'type':'Sequence','pretokenizers':[{'type':'Split','pattern':{'Regex':'QWEN2'},'behavior':'Isolated','invert':false},{'type':'ByteLevel','add_prefix_space':false,'use_regex':false}]}|true|",
                "{'type':'ByteLevel','add_prefix_space':true,'use_regex':true}|false|",
                "{'type':'Whitespace'}|false|"
            })
    void preTokenizerIsRecognisedByItsRulesAndNeverGuessed(String rules, boolean whole, String name) {
        ObjectNode root = JSON.createObjectNode();
        String qwen = LLAMA3.replace("{1,3}", "");
        root.set(
                "pre_tokenizer",
                JSON.readTree(rules.replace('\'', '"')
                        .replace("LLAMA3", LLAMA3.replace("\\", "\\\\"))
                        .replace("QWEN2", qwen.replace("\\", "\\\\"))));
        root.putObject("model").put("ignore_merges", whole);
        assertThat(PreTokenizer.nameOf(root)).isEqualTo(name);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'pre_tokenizer':{'type':'Whitespace'}}|llama.cpp has no name for",
                "{'normalizer':{'type':'Lowercase'}}|rewrites text",
                "{'added_tokens':[],'model':{'type':'WordPiece','vocab':{'a':0},'unk_token':'a','continuing_subword_prefix':'##','max_input_chars_per_word':9}}|only BPE"
            })
    void tokenizerThatLlamaCppCannotFollowIsRefused(String changes, String says) throws IOException {
        Path folder = changed(TinyModels.bytePairs(), "tokenizer.json", changes.replace('\'', '"'));
        assertThat(Sentences.refusal(() -> read(folder, 400))).contains(says);
    }

    @Test
    void composedCharactersAreNoted() throws IOException {
        Path folder = changed(TinyModels.bytePairs(), "tokenizer.json", "{\"normalizer\": {\"type\": \"NFC\"}}");
        assertThat(read(folder, 400).notes()).singleElement().asString().contains("NFC");
    }

    @Test
    void modelThatNamesNoEndIsRefused() throws IOException {
        Path folder = changed(TinyModels.bytePairs(), "tokenizer_config.json", "{\"eos_token\": null}");
        assertThat(Sentences.refusal(() -> read(folder, 400))).contains("names no eos_token");
    }

    @Test
    void startIsAddedWhereTheFilesSaySo() throws IOException {
        Path folder = changed(TinyModels.bytePairs(), "tokenizer_config.json", "{\"add_bos_token\": true}");
        assertThat(read(folder, 400).values()).containsEntry("tokenizer.ggml.add_bos_token", GgufValue.flag(true));
        assertThat(read(TinyModels.pieces(), 361).values())
                .containsEntry("tokenizer.ggml.add_bos_token", GgufValue.flag(true))
                .containsEntry("tokenizer.ggml.add_eos_token", GgufValue.flag(false));
    }

    @Test
    void piecesGetScoresInSentencePiecesOwnOrder() throws IOException {
        TokenizerKeys keys = read(TinyModels.pieces(), 362);
        JsonNode own = JSON.readTree(Files.readString(TinyModels.pieces().resolve("scores.json")));
        List<Double> scores = ((GgufValue.Reals) keys.values().get("tokenizer.ggml.scores")).values();
        // The first 259 are <unk>, <s>, </s> and the bytes; single characters come last and are never merged into.
        List<Integer> merged = IntStream.range(259, own.size())
                .boxed()
                .filter(id -> texts(keys, "tokenizer.ggml.tokens").get(id).length() > 1)
                .toList();
        assertThat(merged).hasSizeGreaterThan(50);
        Comparator<Integer> byOwn =
                Comparator.comparing(id -> -own.get((int) id).doubleValue());
        Comparator<Integer> byOurs = Comparator.comparing(id -> -scores.get(id));
        assertThat(merged.stream().sorted(byOurs).toList())
                .isEqualTo(merged.stream().sorted(byOwn).toList());
        assertThat(keys.values())
                .containsEntry("tokenizer.ggml.model", GgufValue.text("llama"))
                .containsEntry("tokenizer.ggml.add_space_prefix", GgufValue.flag(true))
                .doesNotContainKey("tokenizer.ggml.merges");
        assertThat(kinds(keys).subList(0, 4)).isEqualTo(List.of(2L, 3L, 3L, 6L));
        assertThat(kinds(keys).subList(259, 362)).startsWith(1L).endsWith(4L, 5L);
        assertThat(texts(keys, "tokenizer.ggml.tokens").get(360)).isEqualTo("  tide");
    }

    @Test
    void byteFallbackWithMergesOfItsOwnIsRefused() throws IOException {
        Path folder = changed(TinyModels.pieces(), "tokenizer.json", "{}");
        ObjectNode root = (ObjectNode) JSON.readTree(Files.readString(folder.resolve("tokenizer.json")));
        ((ArrayNode) root.path("model").path("merges")).remove(0);
        Files.writeString(folder.resolve("tokenizer.json"), JSON.writeValueAsString(root));
        assertThat(Sentences.refusal(() -> read(folder, 361)))
                .contains("does not merge \"h\" and \"e\"", "--without-tokenizer");
    }

    @Test
    void otherTreatmentOfSpacesIsRefused() throws IOException {
        Path folder = changed(TinyModels.pieces(), "tokenizer.json", "{\"normalizer\": null}");
        assertThat(Sentences.refusal(() -> read(folder, 361))).contains("treats spaces");
    }

    @Test
    void tokenizerOfTheRealModelIsRecognised() {
        TokenizerKeys keys = read(SharedData.require("real/tiny-english"), 4096);
        assertThat(keys.values()).containsEntry("tokenizer.ggml.pre", GgufValue.text("gpt-2"));
        assertThat(texts(keys, "tokenizer.ggml.tokens")).doesNotHaveDuplicates();
    }
}
