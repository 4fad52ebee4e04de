package dev.lowrank.engine.tokenizer;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.Quoted;
import dev.lowrank.engine.format.JsonFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What stands beside the vocabulary: the named special tokens and the chat template.
 *
 * @param specialTokens by the name templates know them by ({@code bos_token}, …), each only if it is set
 */
record TokenizerSettings(
        Map<String, Object> specialTokens, @Nullable String chatTemplate) {
    private static final int LARGEST_SETTINGS = 32 << 20;
    private static final int LARGEST_TEMPLATE = 4 << 20;
    private static final List<String> USUAL =
            List.of("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token");

    /** @throws InputException if a file is broken; all of them may be absent */
    static TokenizerSettings read(Path folder) {
        Path configFile = folder.resolve("tokenizer_config.json");
        JsonNode config = readObject(configFile);
        Map<String, Object> tokens = new LinkedHashMap<>();
        collect(config, configFile, tokens);
        // transformers reads the older file only where the newer one does not list the added tokens, and then it wins.
        if (config == null || !config.has("added_tokens_decoder")) {
            Path older = folder.resolve("special_tokens_map.json");
            collect(readObject(older), older, tokens);
        }
        return new TokenizerSettings(Collections.unmodifiableMap(tokens), readTemplate(folder, config, configFile));
    }

    private static @Nullable JsonNode readObject(Path file) {
        if (!Files.exists(file)) {
            return null;
        }
        JsonNode node = JsonFile.read(file, LARGEST_SETTINGS);
        if (!node.isObject()) {
            throw TokenizerFiles.refusal(file, "is not a JSON object; copy it again from the base model", null);
        }
        return node;
    }

    private static void collect(@Nullable JsonNode settings, Path file, Map<String, Object> tokens) {
        if (settings == null) {
            return;
        }
        USUAL.forEach(name -> put(name, settings.path(name), file, tokens));
        settings.forEachEntry((name, value) -> {
            if (name.endsWith("_token") && !USUAL.contains(name) && (value.isString() || value.has("content"))) {
                put(name, value, file, tokens);
            }
        });
        JsonNode extra = settings.path("extra_special_tokens");
        if (extra.isObject()) {
            extra.forEachEntry((name, value) -> put(name, value, file, tokens));
        }
    }

    private static void put(String name, JsonNode value, Path file, Map<String, Object> tokens) {
        JsonNode text = value.isObject() ? value.path("content") : value;
        if (text.isString()) {
            tokens.put(name, text.stringValue());
        } else if (!value.isMissingNode() && !value.isNull()) {
            throw TokenizerFiles.refusal(
                    file,
                    "has " + Quoted.of(name) + " as neither a text nor an object with \"content\"; correct it",
                    null);
        }
    }

    private static @Nullable String readTemplate(Path folder, @Nullable JsonNode config, Path configFile) {
        Path beside = folder.resolve("chat_template.jinja");
        if (Files.exists(beside)) {
            return TokenizerFiles.readText(beside, LARGEST_TEMPLATE);
        }
        JsonNode inline = config == null ? null : config.get("chat_template");
        if (inline == null || inline.isNull()) {
            return null;
        }
        JsonNode template = inline.isArray() ? defaultOf(inline) : inline;
        if (!template.isString()) {
            throw TokenizerFiles.refusal(
                    configFile, "has a chat_template that is no text and holds none named \"default\"; add one", null);
        }
        return template.stringValue();
    }

    private static JsonNode defaultOf(JsonNode named) {
        for (JsonNode entry : named) {
            if (entry.path("name").asString("").equals("default")) {
                return entry.path("template");
            }
        }
        return named;
    }

    @Nullable
    String token(String name) {
        return (String) specialTokens.get(name);
    }
}
