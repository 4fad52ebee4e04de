package dev.lowrank.engine.tokenizer;

import dev.lowrank.engine.InputException;
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
    private static final int MOST_STEPS = 32;
    private static final int LONGEST_TEXT = 64;
    private static final int MOST_GROWTH = 64;
    private static final int LONGEST_WORD = 1_000;
    private static final Set<String> BEHAVIOURS =
            Set.of("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous");
    private static final Set<String> PREPEND_SCHEMES = Set.of("first", "never", "always");

    /** The fields of each kind of step, by their kind; a field with a question mark may be left out or null. */
    private static final Map<String, Map<String, String>> NORMALIZERS = Map.ofEntries(
            Map.entry("NFC", Map.of()),
            Map.entry("NFD", Map.of()),
            Map.entry("NFKC", Map.of()),
            Map.entry("NFKD", Map.of()),
            Map.entry("Lowercase", Map.of()),
            Map.entry("StripAccents", Map.of()),
            Map.entry("Strip", Map.of("strip_left", "flag", "strip_right", "flag")),
            Map.entry("Prepend", Map.of("prepend", "text")),
            Map.entry("Replace", Map.of("pattern", "pattern", "content", "any text")));

    private static final Map<String, Map<String, String>> PRE_TOKENIZERS = Map.ofEntries(
            Map.entry("ByteLevel", Map.of("add_prefix_space", "flag", "trim_offsets", "flag", "use_regex", "flag?")),
            Map.entry("Split", Map.of("pattern", "pattern", "behavior", "behavior", "invert", "flag")),
            Map.entry("Digits", Map.of("individual_digits", "flag")),
            Map.entry("Punctuation", Map.of("behavior", "behavior?")),
            Map.entry("Whitespace", Map.of()),
            Map.entry("WhitespaceSplit", Map.of()),
            Map.entry("BertPreTokenizer", Map.of()),
            Map.entry("UnicodeScripts", Map.of()),
            Map.entry("CharDelimiterSplit", Map.of("delimiter", "character")),
            Map.entry(
                    "Metaspace",
                    Map.of(
                            "replacement", "character",
                            "prepend_scheme", "scheme?",
                            "add_prefix_space", "flag?",
                            "split", "flag?",
                            "str_rep", "text?")));

    private static final Map<String, Map<String, String>> POST_PROCESSORS = Map.ofEntries(
            Map.entry("ByteLevel", Map.of("add_prefix_space", "flag", "trim_offsets", "flag", "use_regex", "flag?")),
            Map.entry(
                    "TemplateProcessing", Map.of("single", "template", "pair", "pieces", "special_tokens", "specials")),
            Map.entry("BertProcessing", Map.of("sep", "token", "cls", "token")),
            Map.entry(
                    "RobertaProcessing",
                    Map.of("sep", "token", "cls", "token", "trim_offsets", "flag", "add_prefix_space", "flag")));

    private static final Map<String, Map<String, String>> DECODERS = Map.ofEntries(
            Map.entry("ByteLevel", Map.of("add_prefix_space", "flag", "trim_offsets", "flag", "use_regex", "flag?")),
            Map.entry("ByteFallback", Map.of()),
            Map.entry("Fuse", Map.of()),
            Map.entry("Strip", Map.of("content", "character", "start", "count", "stop", "nothing")),
            Map.entry("Replace", Map.of("pattern", "pattern", "content", "any text")),
            Map.entry("WordPiece", Map.of("prefix", "any text", "cleanup", "flag")),
            Map.entry(
                    "Metaspace",
                    Map.of(
                            "replacement", "character",
                            "prepend_scheme", "scheme?",
                            "add_prefix_space", "flag?",
                            "split", "flag?",
                            "str_rep", "text?")));

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
        check.steps(outline, "normalizer", "normalizers", NORMALIZERS);
        check.steps(outline, "pre_tokenizer", "pretokenizers", PRE_TOKENIZERS);
        check.steps(outline, "post_processor", "processors", POST_PROCESSORS);
        check.steps(outline, "decoder", "decoders", DECODERS);
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
                require(prefix.isString() && prefix.stringValue().length() <= LONGEST_TEXT, "model", "has no prefix");
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
                steps.isArray() && steps.size() <= MOST_STEPS,
                section,
                "is no list of at most %d".formatted(MOST_STEPS));
        steps.forEach(step -> step(step, section, known));
    }

    private void step(JsonNode step, String section, Map<String, Map<String, String>> known) {
        String type = step.path("type").asString("");
        Map<String, String> fields = known.get(type);
        if (fields == null) {
            throw new InputException("has a %s of type \"%s\", which is not supported".formatted(section, type));
        }
        String place = section + " " + type;
        fields.forEach((name, kind) -> {
            JsonNode value = step.path(name);
            boolean optional = kind.endsWith("?");
            if (optional && isNothing(value)) {
                return;
            }
            require(
                    fits(value, optional ? kind.substring(0, kind.length() - 1) : kind),
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
            require(name.equals("type") || known.contains(name), place, "has an unknown \"%s\"".formatted(name));
        }
    }

    /** A few steps that each write more than they read would write more than there is room for. */
    private void grow(JsonNode step, String place) {
        String old = step.path("pattern").path("String").asString("x");
        growth *= Math.max(1, (double) step.path("content").asString("").length() / old.length());
        require(growth <= MOST_GROWTH, place, "lengthens texts more than %d times".formatted(MOST_GROWTH));
    }

    private static boolean fits(JsonNode value, String kind) {
        return switch (kind) {
            case "flag" -> value.isBoolean();
            case "text" -> isText(value) && !value.stringValue().isEmpty();
            case "any text" -> isText(value);
            case "character" ->
                value.isString()
                        && value.stringValue()
                                        .codePointCount(0, value.stringValue().length())
                                == 1;
            // More than a token has, and the library looks before its beginning.
            case "nothing" -> isCount(value) && value.intValue() == 0;
            case "count" -> isCount(value);
            case "behavior" -> BEHAVIOURS.contains(value.asString(""));
            case "scheme" -> PREPEND_SCHEMES.contains(value.asString(""));
            case "pattern" -> isPattern(value);
            case "template" -> isTemplate(value, true);
            case "pieces" -> isTemplate(value, false);
            case "specials" -> value.isObject() && value.valueStream().allMatch(TokenizerCheck::isSpecial);
            case "token" -> value.isArray() && value.size() == 2 && value.get(0).isString() && isId(value.get(1));
            default -> throw new IllegalArgumentException(kind);
        };
    }

    private static boolean isText(JsonNode value) {
        return value.isString() && value.stringValue().length() <= LONGEST_TEXT;
    }

    private static boolean isCount(JsonNode value) {
        return value.isIntegralNumber()
                && value.canConvertToInt()
                && value.intValue() >= 0
                && value.intValue() <= 1_000;
    }

    private static boolean isId(JsonNode value) {
        return value.isIntegralNumber() && value.canConvertToInt() && value.intValue() >= 0;
    }

    private static boolean isPattern(JsonNode value) {
        if (!value.isObject() || value.size() != 1) {
            return false;
        }
        if (value.has("String")) {
            return isText(value.get("String"))
                    && !value.get("String").stringValue().isEmpty();
        }
        if (!value.path("Regex").isString()) {
            return false;
        }
        try {
            SplitPattern.check(value.get("Regex").stringValue());
            return true;
        } catch (SplitPattern.Refused e) {
            throw new InputException("has a regular expression that " + e.getMessage());
        }
    }

    /** What stands around a single text: the text itself, once, and tokens that are left out here. */
    private static boolean isTemplate(JsonNode value, boolean single) {
        if (!value.isArray() || value.size() > MOST_STEPS) {
            return false;
        }
        int texts = 0;
        for (JsonNode piece : value) {
            JsonNode inside =
                    piece.path("Sequence").isMissingNode() ? piece.path("SpecialToken") : piece.path("Sequence");
            if (piece.size() != 1 || !inside.isObject() || inside.size() != 2 || !isId(inside.path("type_id"))) {
                return false;
            }
            String id = inside.path("id").asString("");
            boolean text = piece.has("Sequence");
            if (text && !id.equals("A") && (single || !id.equals("B"))) {
                return false;
            }
            texts += text ? 1 : 0;
        }
        return !single || texts == 1;
    }

    private static boolean isSpecial(JsonNode value) {
        return value.isObject()
                && value.size() == 3
                && value.path("id").isString()
                && value.path("ids").isArray()
                && value.path("ids").valueStream().allMatch(TokenizerCheck::isId)
                && value.path("tokens").isArray()
                && value.path("tokens").valueStream().allMatch(JsonNode::isString)
                && value.path("ids").size() == value.path("tokens").size();
    }

    private void added(JsonNode tokens) {
        require(isNothing(tokens) || tokens.isArray(), "list of added_tokens", "is no list");
        for (JsonNode token : tokens) {
            boolean sound = token.isObject()
                    && isId(token.path("id"))
                    && token.path("content").isString()
                    && !token.path("content").stringValue().isEmpty()
                    && List.of("single_word", "lstrip", "rstrip", "normalized", "special").stream()
                            .allMatch(flag -> token.path(flag).isBoolean());
            require(sound, "list of added_tokens", "holds one without an id, its text or a flag");
        }
    }
}
