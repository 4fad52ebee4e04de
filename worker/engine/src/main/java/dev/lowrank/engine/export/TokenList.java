package dev.lowrank.engine.export;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.GgufKind;
import dev.lowrank.engine.format.GgufValue;
import dev.lowrank.engine.format.Refusal;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** A text and a kind for every row of the embedding table; rows that no token has are filled. */
final class TokenList {
    /** What a token is to llama.cpp; the number in the file is the place in this list. */
    enum Kind {
        UNDEFINED,
        NORMAL,
        UNKNOWN,
        CONTROL,
        USER_DEFINED,
        UNUSED,
        BYTE
    }

    private static final Set<String> ALWAYS_CONTROL = Set.of("<pad>", "<mask>", "<2mass>", "[@BOS@]");

    private final Path file;
    private final String[] texts;
    private final Kind[] kinds;

    private TokenList(Path file, int rows) {
        this.file = file;
        texts = new String[rows];
        kinds = new Kind[rows];
    }

    /**
     * @param file the tokenizer.json that {@code root} is
     * @throws InputException if an id is outside of the table, or two tokens would share an id or a text
     */
    static TokenList read(Path file, JsonNode root, int rows) {
        TokenList list = new TokenList(file, rows);
        root.path("model").path("vocab").forEachEntry((text, id) -> list.set(text, id, Kind.NORMAL, false));
        for (JsonNode added : root.path("added_tokens").values()) {
            String text = added.path("content").asString("");
            boolean control = added.path("special").asBoolean(false) || looksLikeControl(text);
            list.set(text, added.path("id"), control ? Kind.CONTROL : Kind.USER_DEFINED, true);
        }
        list.fillRest();
        list.refuseDoubles();
        return list;
    }

    /** Some published tokenizers forget to mark these as special. */
    private static boolean looksLikeControl(String text) {
        return ALWAYS_CONTROL.contains(text)
                || text.startsWith("<|") && text.endsWith("|>")
                || text.startsWith("<\uff5c") && text.endsWith("\uff5c>")
                || text.startsWith("<unused") && text.endsWith(">");
    }

    private void set(String text, JsonNode id, Kind kind, boolean mayReplace) {
        if (!id.isInt() || id.intValue() < 0 || id.intValue() >= texts.length) {
            throw Refusal.of(
                    file,
                    "gives token %s the id %s, but the model has %d rows for tokens; take both from the same model"
                            .formatted(Refusal.quoted(text), Refusal.quoted(id.toString()), texts.length));
        }
        int at = id.intValue();
        if (texts[at] != null && !mayReplace) {
            throw Refusal.of(
                    file,
                    "gives the id %d to %s and to %s; take the base model's own tokenizer.json"
                            .formatted(at, Refusal.quoted(texts[at]), Refusal.quoted(text)));
        }
        texts[at] = text;
        kinds[at] = kind;
    }

    private void fillRest() {
        for (int i = 0; i < texts.length; i++) {
            if (texts[i] == null) {
                texts[i] = "[PAD%d]".formatted(i);
                kinds[i] = Kind.UNUSED;
            }
        }
    }

    void refuseDoubles() {
        Map<String, Integer> ids = new HashMap<>();
        for (int i = 0; i < texts.length; i++) {
            Integer other = ids.putIfAbsent(texts[i], i);
            if (other != null) {
                throw Refusal.of(
                        file,
                        "would give llama.cpp the text %s for the ids %d and %d, which it refuses; rename one of them"
                                .formatted(Refusal.quoted(texts[i]), other, i));
            }
        }
    }

    int size() {
        return texts.length;
    }

    String text(int id) {
        return texts[id];
    }

    Kind kind(int id) {
        return kinds[id];
    }

    void change(int id, String text, Kind kind) {
        texts[id] = text;
        kinds[id] = kind;
    }

    GgufValue texts() {
        return new GgufValue.Texts(List.of(texts));
    }

    GgufValue kinds() {
        return new GgufValue.Wholes(
                GgufKind.I32,
                Arrays.stream(kinds).map(kind -> (long) kind.ordinal()).toList());
    }
}
