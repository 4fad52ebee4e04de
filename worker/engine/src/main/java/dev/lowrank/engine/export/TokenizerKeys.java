package dev.lowrank.engine.export;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.GgufValue;
import dev.lowrank.engine.format.JsonFile;
import dev.lowrank.engine.format.Refusal;
import dev.lowrank.engine.tokenizer.Tokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A model's tokenizer under the names llama.cpp reads.
 *
 * @param values by whole key
 * @param notes what a person should know
 */
record TokenizerKeys(Map<String, GgufValue> values, List<String> notes) {
    private static final int LARGEST_TOKENIZER = 128 << 20;
    /** Tokens with their ids, and merges of up to four values each. */
    private static final int MOST_VALUES = 8_000_000;

    private static final int LARGEST_SETTINGS = 32 << 20;
    private static final String FILE = "tokenizer.json";

    /** GGUF's names of the special tokens; "seperator" is how the format spells it. */
    private static final Map<String, String> SPECIAL = Map.of(
            "bos_token", "bos_token_id",
            "eos_token", "eos_token_id",
            "unk_token", "unknown_token_id",
            "sep_token", "seperator_token_id",
            "pad_token", "padding_token_id",
            "mask_token", "mask_token_id");

    static boolean present(Path folder) {
        return Files.exists(folder.resolve(FILE));
    }

    /** What a file without a tokenizer says: ids go in and come out. */
    static TokenizerKeys none() {
        return new TokenizerKeys(Map.of("tokenizer.ggml.model", GgufValue.text("none")), List.of());
    }

    /**
     * @param rows of the embedding table
     * @throws InputException if llama.cpp would cut text into other tokens
     */
    static TokenizerKeys read(Path folder, Settings config, int rows) {
        JsonNode root = JsonFile.read(folder.resolve(FILE), LARGEST_TOKENIZER, MOST_VALUES);
        try (Tokenizer tokenizer = Tokenizer.open(folder)) {
            return new Reading(folder, config, root, tokenizer).keys(rows);
        }
    }

    /** One reading of one folder. */
    private static final class Reading {
        private final Path folder;
        private final Path file;
        private final Settings config;
        private final JsonNode root;
        private final Tokenizer tokenizer;
        private final Map<String, GgufValue> values = new LinkedHashMap<>();
        private final List<String> notes = new ArrayList<>();

        Reading(Path folder, Settings config, JsonNode root, Tokenizer tokenizer) {
            this.folder = folder;
            this.file = folder.resolve(FILE);
            this.config = config;
            this.root = root;
            this.tokenizer = tokenizer;
        }

        TokenizerKeys keys(int rows) {
            JsonNode model = root.path("model");
            if (!model.path("type").asString("").equals("BPE")) {
                throw refuse("is a tokenizer of type %s, where GGUF export knows only BPE"
                        .formatted(Refusal.quoted(model.path("type").asString(""))));
            }
            for (String affix : List.of("continuing_subword_prefix", "end_of_word_suffix")) {
                if (!model.path(affix).asString("").isEmpty()) {
                    throw refuse("has a %s, which llama.cpp does not know".formatted(affix));
                }
            }
            TokenList tokens = TokenList.read(file, root, rows);
            if (model.path("byte_fallback").asBoolean(false)) {
                pieces(tokens);
            } else {
                bytePairs(tokens);
            }
            special();
            noteBlanks();
            return new TokenizerKeys(values, notes);
        }

        private void pieces(TokenList tokens) {
            Map<String, GgufValue> more = new SentencePieces(file, root, tokens).keys(notes);
            put("model", GgufValue.text("llama"));
            put("pre", GgufValue.text("default"));
            put("tokens", tokens.texts());
            put("token_type", tokens.kinds());
            values.putAll(more);
        }

        private void bytePairs(TokenList tokens) {
            String pre = PreTokenizer.nameOf(root);
            if (pre == null) {
                throw refuse("cuts text into words by rules that llama.cpp has no name for");
            }
            String normalizer = root.path("normalizer").path("type").asString("");
            if (normalizer.equals("NFC")) {
                notes.add("llama.cpp does not compose characters (NFC) before it cuts text into tokens");
            } else if (!normalizer.isEmpty()) {
                throw refuse("rewrites text (%s) before it is cut into tokens, which llama.cpp does not"
                        .formatted(Refusal.quoted(normalizer)));
            }
            put("model", GgufValue.text("gpt2"));
            put("pre", GgufValue.text(pre));
            put("tokens", tokens.texts());
            put("token_type", tokens.kinds());
            put("merges", new GgufValue.Texts(merges()));
        }

        private List<String> merges() {
            List<String> merges = new ArrayList<>();
            for (JsonNode merge : root.path("model").path("merges").values()) {
                String pair = merge.isString()
                        ? merge.stringValue()
                        : merge.path(0).asString("") + ' ' + merge.path(1).asString("");
                if (pair.indexOf(' ') < 1 || pair.indexOf(' ') != pair.lastIndexOf(' ') || pair.endsWith(" ")) {
                    throw refuse("has the merge %s, which is no pair of byte tokens"
                            .formatted(Refusal.quoted(merge.toString())));
                }
                merges.add(pair);
            }
            return merges;
        }

        private void special() {
            SPECIAL.entrySet().stream().sorted(Map.Entry.comparingByKey()).forEach(entry -> {
                Integer id = idOf(entry.getKey());
                if (id != null) {
                    put(entry.getValue(), GgufValue.u32(id));
                }
            });
            if (idOf("eos_token") == null) {
                throw Refusal.of(
                        folder,
                        "names no eos_token in tokenizer_config.json, where llama.cpp would take token 11 or 2; name it there");
            }
            boolean bos = adds("bos_token", true);
            put("add_bos_token", GgufValue.flag(bos));
            put("add_eos_token", GgufValue.flag(adds("eos_token", false)));
            String template = tokenizer.chatTemplate();
            if (template != null) {
                values.put("tokenizer.chat_template", GgufValue.text(template));
            }
        }

        private @Nullable Integer idOf(String name) {
            Object token = tokenizer.specialTokens().get(name);
            if (token != null) {
                return tokenizer.idOf(token.toString());
            }
            JsonNode id = config.json().path(name + "_id");
            return id.isInt() && id.intValue() >= 0 ? (Integer) id.intValue() : null;
        }

        /** Whether transformers puts that token at one end of a text: said outright, or by the template of the file. */
        private boolean adds(String name, boolean first) {
            if (idOf(name) == null) {
                return false;
            }
            Path settings = folder.resolve("tokenizer_config.json");
            if (Files.exists(settings)) {
                JsonNode said = JsonFile.read(settings, LARGEST_SETTINGS).path("add_" + name);
                if (said.isBoolean()) {
                    return said.booleanValue();
                }
            }
            return templates(root.path("post_processor")).anyMatch(template -> {
                List<JsonNode> parts = template.path("single").values().stream().toList();
                JsonNode end = parts.isEmpty() ? template : first ? parts.getFirst() : parts.getLast();
                String token = end.path("SpecialToken").path("id").asString("");
                Integer id = token.isEmpty() ? null : tokenizer.idOf(token);
                return id != null && id.equals(idOf(name));
            });
        }

        private static Stream<JsonNode> templates(JsonNode processor) {
            if (processor.path("type").asString("").equals("Sequence")) {
                return processor.path("processors").values().stream().flatMap(Reading::templates);
            }
            return processor.path("type").asString("").equals("TemplateProcessing")
                    ? Stream.of(processor)
                    : Stream.empty();
        }

        private void noteBlanks() {
            for (JsonNode added : root.path("added_tokens").values()) {
                if (added.path("lstrip").asBoolean(false)
                        || added.path("rstrip").asBoolean(false)) {
                    notes.add("llama.cpp keeps blanks beside %s, which this tokenizer swallows"
                            .formatted(Refusal.quoted(added.path("content").asString(""))));
                    return;
                }
            }
        }

        private void put(String key, GgufValue value) {
            values.put("tokenizer.ggml." + key, value);
        }

        private InputException refuse(String problem) {
            return Refusal.of(
                    file, problem + "; export it with --without-tokenizer, or serve the merged folder instead");
        }
    }
}
