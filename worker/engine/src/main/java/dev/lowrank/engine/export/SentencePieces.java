package dev.lowrank.engine.export;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.GgufKind;
import dev.lowrank.engine.format.GgufValue;
import dev.lowrank.engine.format.Refusal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Turns a SentencePiece vocabulary, as tokenizer.json spells it (a BPE with every possible merge and byte fallback), back
 * into pieces with scores. llama.cpp joins whichever neighbours make the piece of the highest score, so the order of the
 * merges becomes the order of scores; that is exact only if the merges are those of a SentencePiece vocabulary, which is
 * checked.
 */
final class SentencePieces {
    static final String SPACE = "\u2581";
    private static final Pattern BYTE = Pattern.compile("<0x[0-9A-F]{2}>");

    private final Path file;
    private final JsonNode root;
    private final TokenList tokens;

    SentencePieces(Path file, JsonNode root, TokenList tokens) {
        this.file = file;
        this.root = root;
        this.tokens = tokens;
    }

    /** @throws InputException if llama.cpp would cut text into other tokens */
    Map<String, GgufValue> keys(List<String> notes) {
        boolean spaceFirst = spaceFirst(notes);
        List<Double> scores = scores();
        markKinds();
        return Map.of(
                "tokenizer.ggml.scores",
                new GgufValue.Reals(GgufKind.F32, scores),
                "tokenizer.ggml.add_space_prefix",
                GgufValue.flag(spaceFirst));
    }

    /** Whether a space is put before a text; anything but the usual treatment of spaces is refused. */
    private boolean spaceFirst(List<String> notes) {
        List<JsonNode> steps = sequence(root.path("normalizer"), "normalizers");
        JsonNode before = root.path("pre_tokenizer");
        boolean prepends = !steps.isEmpty()
                && isType(steps.getFirst(), "Prepend")
                && steps.getFirst().path("prepend").asString("").equals(SPACE);
        List<JsonNode> rest = prepends ? steps.subList(1, steps.size()) : steps;
        if (rest.size() == 1 && replacesSpaces(rest.getFirst()) && (isAbsent(before) || isType(before, "Split"))) {
            return prepends;
        }
        if (steps.isEmpty()
                && isType(before, "Metaspace")
                && !before.path("split").asBoolean(true)) {
            String scheme = before.path("prepend_scheme").asString("always");
            if (!scheme.equals("never")) {
                notes.add("llama.cpp puts a space before text even where it begins with one%s; this tokenizer does not"
                        .formatted(scheme.equals("first") ? ", and after each special token" : ""));
            }
            return !scheme.equals("never");
        }
        throw refuse("treats spaces in a way that llama.cpp has no name for");
    }

    private static List<JsonNode> sequence(JsonNode node, String inner) {
        if (isAbsent(node)) {
            return List.of();
        }
        return isType(node, "Sequence") ? node.path(inner).values().stream().toList() : List.of(node);
    }

    private static boolean isAbsent(JsonNode node) {
        return node.isMissingNode() || node.isNull();
    }

    private static boolean isType(JsonNode node, String type) {
        return node.path("type").asString("").equals(type);
    }

    private static boolean replacesSpaces(JsonNode step) {
        return isType(step, "Replace")
                && step.path("pattern").path("String").asString("").equals(" ")
                && step.path("content").asString("").equals(SPACE);
    }

    /** A piece's score is minus the number of pieces that come before it in the merges. */
    private List<Double> scores() {
        Map<String, Integer> ids = new HashMap<>();
        for (int i = 0; i < tokens.size(); i++) {
            ids.put(tokens.text(i), i);
        }
        List<String[]> merges = merges();
        Map<String, Integer> order = new HashMap<>();
        Set<String> pairs = new HashSet<>();
        String last = "";
        for (String[] pair : merges) {
            String piece = pair[0] + pair[1];
            pairs.add(pair[0] + ' ' + pair[1]);
            Integer id = ids.get(piece);
            if (id == null) {
                throw refuse("merges into %s, which is no token".formatted(Refusal.quoted(piece)));
            }
            // Added tokens are cut out before any merging, so their place does not matter.
            boolean again = order.putIfAbsent(piece, order.size()) != null;
            if (isPiece(id)) {
                if (again && !piece.equals(last)) {
                    throw refuse(
                            "has the merges of %s in several places, so they are not those of a SentencePiece vocabulary"
                                    .formatted(Refusal.quoted(piece)));
                }
                last = piece;
            }
        }
        refuseMissing(ids, pairs);
        List<Double> scores = new ArrayList<>(tokens.size());
        for (int i = 0; i < tokens.size(); i++) {
            scores.add(-(double) order.getOrDefault(tokens.text(i), order.size() + i));
        }
        return scores;
    }

    /** llama.cpp joins any two pieces whose whole is a piece; a merge that is not listed would be made there alone. */
    private void refuseMissing(Map<String, Integer> ids, Set<String> pairs) {
        ids.forEach((piece, id) -> {
            for (int cut = piece.offsetByCodePoints(0, 1);
                    cut < piece.length();
                    cut = piece.offsetByCodePoints(cut, 1)) {
                String left = piece.substring(0, cut);
                String right = piece.substring(cut);
                if (isPiece(id)
                        && isPiece(ids.get(left))
                        && isPiece(ids.get(right))
                        && !pairs.contains(left + ' ' + right)) {
                    throw refuse("does not merge %s and %s, so its merges are not those of a SentencePiece vocabulary"
                            .formatted(Refusal.quoted(left), Refusal.quoted(right)));
                }
            }
        });
    }

    private boolean isPiece(@Nullable Integer id) {
        return id != null
                && tokens.kind(id) == TokenList.Kind.NORMAL
                && !BYTE.matcher(tokens.text(id)).matches();
    }

    private List<String[]> merges() {
        List<String[]> merges = new ArrayList<>();
        for (JsonNode merge : root.path("model").path("merges").values()) {
            String[] pair = merge.isString()
                    ? merge.stringValue().split(" ", -1)
                    : merge.values().stream().map(part -> part.asString("")).toArray(String[]::new);
            if (pair.length != 2 || pair[0].isEmpty() || pair[1].isEmpty()) {
                throw refuse("has the merge %s, which is no pair".formatted(Refusal.quoted(merge.toString())));
            }
            merges.add(pair);
        }
        return merges;
    }

    private void markKinds() {
        String unknown = root.path("model").path("unk_token").asString("");
        int bytes = 0;
        for (int i = 0; i < tokens.size(); i++) {
            String text = tokens.text(i);
            if (text.equals(unknown)) {
                tokens.change(i, text, TokenList.Kind.UNKNOWN);
            } else if (BYTE.matcher(text).matches()) {
                tokens.change(i, text, TokenList.Kind.BYTE);
                bytes++;
            } else if (tokens.kind(i) == TokenList.Kind.USER_DEFINED) {
                tokens.change(i, text.replace(SPACE, " "), TokenList.Kind.USER_DEFINED);
            }
        }
        if (bytes != 256) {
            throw refuse("has %d byte tokens where 256 belong".formatted(bytes));
        }
        tokens.refuseDoubles();
    }

    private InputException refuse(String problem) {
        return Refusal.of(file, problem + "; export it with --without-tokenizer, or serve the merged folder instead");
    }
}
