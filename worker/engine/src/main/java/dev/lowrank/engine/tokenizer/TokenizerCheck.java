package dev.lowrank.engine.tokenizer;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.Quoted;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Holds a tokenizer.json against what the native library runs without fail. The library ends the whole process where it is
 * surprised, so nothing gets there whose form is not known here; docs/testing.md lists what it was surprised by.
 */
final class TokenizerCheck {
    private static final int MOST_GROWTH = 64;
    private static final int LONGEST_WORD = 1_000;
    private double growth = 1;

    private TokenizerCheck() {}

    /** @throws InputException naming what is not known; the sentence lacks the file's name and the remedy */
    static void check(ObjectNode outline) {
        TokenizerCheck check = new TokenizerCheck();
        if (outline.path("model").isMissingNode()) {
            throw new InputException("holds no vocabulary");
        }
        require(outline.path("version").asString("1.0").equals("1.0"), "version", "is not 1.0");
        check.model(outline.path("model"));
        check.steps(outline, "normalizer", "normalizers", TokenizerSteps.NORMALIZERS);
        check.steps(outline, "pre_tokenizer", "pretokenizers", TokenizerSteps.PRE_TOKENIZERS);
        check.steps(outline, "post_processor", "processors", TokenizerSteps.POST_PROCESSORS);
        check.steps(outline, "decoder", "decoders", TokenizerSteps.DECODERS);
        check.added(outline.path("added_tokens"));
        for (String section : List.of("truncation", "padding")) {
            // Both are switched off, but are read before that.
            require(isNothing(outline.path(section)) || outline.path(section).isObject(), section, "is no object");
        }
    }

    private static boolean isNothing(JsonNode value) {
        return value.isMissingNode() || value.isNull();
    }

    private static void require(boolean holds, String place, String problem) {
        if (!holds) {
            throw new InputException("has a %s that %s".formatted(place, problem));
        }
    }

    private void model(JsonNode model) {
        require(model.isObject(), "model", "is no object");
        String type = model.path("type").asString(model.has("merges") ? "BPE" : "");
        require(
                Set.of("BPE", "Unigram", "WordPiece", "WordLevel").contains(type),
                "model",
                "is none of BPE, Unigram, WordPiece and WordLevel");
        JsonNode prefix = model.path("continuing_subword_prefix");
        switch (type) {
            case "BPE" -> {
                require(
                        isNothing(prefix) || prefix.asString("x").isEmpty(),
                        "model",
                        "marks continued words with a prefix, which BPE has no use for");
                JsonNode dropout = model.path("dropout");
                require(
                        isNothing(dropout) || dropout.isNumber() && dropout.doubleValue() == 0,
                        "model",
                        "drops merges at random (dropout), so that a text has no definite tokens");
            }
            case "WordPiece" -> {
                JsonNode most = model.path("max_input_chars_per_word");
                require(
                        most.isIntegralNumber()
                                && most.canConvertToInt()
                                && most.intValue() >= 0
                                && most.intValue() <= LONGEST_WORD,
                        "model",
                        "looks at words of more than %d characters (max_input_chars_per_word)".formatted(LONGEST_WORD));
                require(
                        prefix.isString() && prefix.stringValue().length() <= TokenizerSteps.LONGEST_TEXT,
                        "model",
                        "has no prefix");
            }
            default -> {} // Unigram and WordLevel have nothing else that could be wrong in a way the library minds.
        }
    }

    private void steps(ObjectNode outline, String section, String list, Map<String, Map<String, String>> known) {
        JsonNode part = outline.path(section);
        if (isNothing(part)) {
            return;
        }
        require(part.isObject(), section, "is no object");
        if (!part.path("type").asString("").equals("Sequence")) {
            step(part, section, known);
            return;
        }
        onlyFields(part, section, Set.of("type", list));
        JsonNode steps = part.path(list);
        require(
                steps.isArray() && steps.size() <= TokenizerSteps.MOST,
                section,
                "is no list of at most %d".formatted(TokenizerSteps.MOST));
        steps.forEach(step -> step(step, section, known));
    }

    private void step(JsonNode step, String section, Map<String, Map<String, String>> known) {
        String type = step.path("type").asString("");
        Map<String, String> fields = known.get(type);
        if (fields == null) {
            throw new InputException("has a %s of type %s, which is not supported".formatted(section, Quoted.of(type)));
        }
        String place = section + " " + type;
        fields.forEach((name, kind) -> {
            JsonNode value = step.path(name);
            boolean optional = kind.endsWith("?");
            if (optional && isNothing(value)) {
                return;
            }
            require(
                    TokenizerSteps.fits(value, optional ? kind.substring(0, kind.length() - 1) : kind),
                    place,
                    "has no sound \"%s\"".formatted(name));
        });
        onlyFields(step, place, fields.keySet());
        if (type.equals("Replace")) {
            grow(step, place);
        }
    }

    private static void onlyFields(JsonNode step, String place, Set<String> known) {
        for (String name : step.propertyNames()) {
            require(name.equals("type") || known.contains(name), place, "has an unknown " + Quoted.of(name));
        }
    }

    /** A few steps that each write more than they read would write more than there is room for. */
    private void grow(JsonNode step, String place) {
        String old = step.path("pattern").path("String").asString("x");
        growth *= Math.max(1, (double) step.path("content").asString("").length() / old.length());
        require(growth <= MOST_GROWTH, place, "lengthens texts more than %d times".formatted(MOST_GROWTH));
    }

    private void added(JsonNode tokens) {
        require(isNothing(tokens) || tokens.isArray(), "list of added_tokens", "is no list");
        for (JsonNode token : tokens) {
            boolean sound = token.isObject()
                    && TokenizerSteps.isId(token.path("id"))
                    && token.path("content").isString()
                    && !token.path("content").stringValue().isEmpty()
                    && List.of("single_word", "lstrip", "rstrip", "normalized", "special").stream()
                            .allMatch(flag -> token.path(flag).isBoolean());
            require(sound, "list of added_tokens", "holds one without an id, its text or a flag");
        }
    }
}
