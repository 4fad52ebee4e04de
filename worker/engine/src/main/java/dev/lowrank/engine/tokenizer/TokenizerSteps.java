package dev.lowrank.engine.tokenizer;

import dev.lowrank.engine.InputException;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** What a tokenizer may be put together from: kinds of steps, the fields of each, and what fits into a field. */
final class TokenizerSteps {
    static final int MOST = 32;
    static final int LONGEST_TEXT = 64;
    private static final Set<String> BEHAVIOURS =
            Set.of("Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous");
    private static final Set<String> PREPEND_SCHEMES = Set.of("first", "never", "always");

    /** The fields of each kind of step, by their kind; a field with a question mark may be left out or null. */
    static final Map<String, Map<String, String>> NORMALIZERS = Map.ofEntries(
            Map.entry("NFC", Map.of()),
            Map.entry("NFD", Map.of()),
            Map.entry("NFKC", Map.of()),
            Map.entry("NFKD", Map.of()),
            Map.entry("Lowercase", Map.of()),
            Map.entry("StripAccents", Map.of()),
            Map.entry("Strip", Map.of("strip_left", "flag", "strip_right", "flag")),
            Map.entry("Prepend", Map.of("prepend", "text")),
            Map.entry("Replace", Map.of("pattern", "pattern", "content", "any text")));

    static final Map<String, Map<String, String>> PRE_TOKENIZERS = Map.ofEntries(
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

    static final Map<String, Map<String, String>> POST_PROCESSORS = Map.ofEntries(
            Map.entry("ByteLevel", Map.of("add_prefix_space", "flag", "trim_offsets", "flag", "use_regex", "flag?")),
            Map.entry(
                    "TemplateProcessing", Map.of("single", "template", "pair", "pieces", "special_tokens", "specials")),
            Map.entry("BertProcessing", Map.of("sep", "token", "cls", "token")),
            Map.entry(
                    "RobertaProcessing",
                    Map.of("sep", "token", "cls", "token", "trim_offsets", "flag", "add_prefix_space", "flag")));

    static final Map<String, Map<String, String>> DECODERS = Map.ofEntries(
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

    private TokenizerSteps() {}

    /** Whether a value fits into a field of a kind named in the tables above, less the question mark. */
    static boolean fits(JsonNode value, String kind) {
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
            case "specials" -> value.isObject() && value.valueStream().allMatch(TokenizerSteps::isSpecial);
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

    static boolean isId(JsonNode value) {
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
        if (!value.isArray() || value.size() > MOST) {
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
                && value.path("ids").valueStream().allMatch(TokenizerSteps::isId)
                && value.path("tokens").isArray()
                && value.path("tokens").valueStream().allMatch(JsonNode::isString)
                && value.path("ids").size() == value.path("tokens").size();
    }
}
