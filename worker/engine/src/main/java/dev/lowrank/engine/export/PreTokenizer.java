package dev.lowrank.engine.export;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Recognises how a byte-level tokenizer cuts text into words before merging. llama.cpp has these rules built in and is told
 * only a name; a name whose rules differ would silently give other tokens, so nothing is guessed.
 */
final class PreTokenizer {
    private static final String REST = "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String GPT4 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}%s" + REST;
    private static final String UPPER = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String LOWER = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";
    private static final String CASED =
            "[^\\r\\n\\p{L}\\p{N}]?%1$s*%2$s+%3$s|[^\\r\\n\\p{L}\\p{N}]?%1$s+%2$s*%3$s|\\p{N}%4$s"
                    + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    /** The steps, and whether a word that is a token is taken whole without merging. */
    private record Rules(List<String> steps, boolean ignoresMerges) {}

    private static final Map<Rules, String> NAMES = Map.of(
            new Rules(List.of("words and bytes"), false), "gpt-2",
            new Rules(List.of("digits", "words and bytes"), false), "smollm",
            new Rules(List.of(split(GPT4.formatted("{1,3}")), "bytes"), true), "llama-bpe",
            new Rules(List.of(split(GPT4.formatted("{1,3}")), "bytes"), false), "dbrx",
            new Rules(List.of(split(GPT4.formatted("")), "bytes"), false), "qwen2",
            new Rules(List.of(split(CASED.formatted(UPPER, LOWER, "", "")), "bytes"), true), "tekken",
            new Rules(
                            List.of(
                                    split(CASED.formatted(UPPER, LOWER, "(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "{1,3}")),
                                    "bytes"),
                            false),
                    "gpt-4o");

    private PreTokenizer() {}

    /** The name llama.cpp knows the rules by; null if it knows none that are the same. */
    static @Nullable String nameOf(JsonNode tokenizer) {
        List<String> steps = new ArrayList<>();
        collect(tokenizer.path("pre_tokenizer"), steps);
        return NAMES.get(
                new Rules(steps, tokenizer.path("model").path("ignore_merges").asBoolean(false)));
    }

    private static void collect(JsonNode step, List<String> steps) {
        String type = step.path("type").asString("");
        switch (type) {
            case "Sequence" -> step.path("pretokenizers").values().forEach(inner -> collect(inner, steps));
            case "ByteLevel" -> {
                boolean prefix = step.path("add_prefix_space").asBoolean(true);
                boolean words = step.path("use_regex").asBoolean(true);
                steps.add(prefix ? "a space first" : words ? "words and bytes" : "bytes");
            }
            case "Digits" -> steps.add(step.path("individual_digits").asBoolean(false) ? "digits" : "numbers");
            case "Split" -> steps.add(splitStep(step));
            default -> steps.add("unknown " + type);
        }
    }

    private static String splitStep(JsonNode step) {
        String behavior = step.path("behavior").asString("");
        boolean inverted = step.path("invert").asBoolean(false);
        boolean keepsMatches = behavior.equals("Isolated") && !inverted || behavior.equals("Removed") && inverted;
        String pattern = step.path("pattern").path("Regex").asString("");
        return keepsMatches ? split(pattern) : "unknown split";
    }

    private static String split(String pattern) {
        return "split " + pattern;
    }
}
