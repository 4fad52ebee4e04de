package dev.lowrank.engine.tokenizer;

import dev.lowrank.engine.InputException;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonParser.NumberType;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;

/**
 * Tokens and their ids, read from a tokenizer.json without building a tree of it (the merges alone can be hundreds of
 * thousands of entries).
 *
 * @param size highest id plus one
 */
record Vocabulary(Map<String, Integer> ids, int size) {
    private static final int HIGHEST_ID = 16_777_216;

    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(
                    StreamReadConstraints.builder().maxNestingDepth(64).build())
            // Hundreds of thousands of names, each met once: a table of them only costs.
            .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
            .build();

    /**
     * Reads the vocabulary of any model kind: a map of tokens to ids, or (Unigram) a list of [token, score].
     *
     * @throws JacksonException if it is not JSON
     * @throws InputException if an id is out of bounds; the sentence lacks the file's name
     */
    static Vocabulary read(String json) {
        Map<String, Integer> ids = new HashMap<>();
        try (JsonParser in = JSON.createParser(ObjectReadContext.empty(), json)) {
            in.nextToken();
            for (String name = in.nextName(); name != null; name = in.nextName()) {
                in.nextToken();
                switch (name) {
                    case "model" -> readModel(in, ids);
                    case "added_tokens" -> readAdded(in, ids);
                    default -> in.skipChildren();
                }
            }
        }
        int highest = ids.values().stream().mapToInt(Integer::intValue).max().orElse(-1);
        return new Vocabulary(Map.copyOf(ids), highest + 1);
    }

    private static void readModel(JsonParser in, Map<String, Integer> ids) {
        if (in.currentToken() != JsonToken.START_OBJECT) {
            in.skipChildren();
            return;
        }
        for (String name = in.nextName(); name != null; name = in.nextName()) {
            JsonToken value = in.nextToken();
            if (!name.equals("vocab")) {
                in.skipChildren();
            } else if (value == JsonToken.START_OBJECT) {
                readMap(in, ids);
            } else if (value == JsonToken.START_ARRAY) {
                readPieces(in, ids);
            }
        }
    }

    private static void readMap(JsonParser in, Map<String, Integer> ids) {
        for (String token = in.nextName(); token != null; token = in.nextName()) {
            in.nextToken();
            ids.put(token, id(in));
        }
    }

    private static void readPieces(JsonParser in, Map<String, Integer> ids) {
        int id = 0;
        while (in.nextToken() == JsonToken.START_ARRAY) {
            if (in.nextToken() == JsonToken.VALUE_STRING) {
                ids.put(in.getString(), id);
            }
            while (in.nextToken() != JsonToken.END_ARRAY) {
                in.skipChildren();
            }
            id++;
        }
    }

    private static void readAdded(JsonParser in, Map<String, Integer> ids) {
        if (in.currentToken() != JsonToken.START_ARRAY) {
            return;
        }
        while (in.nextToken() == JsonToken.START_OBJECT) {
            String content = null;
            Integer id = null;
            for (String name = in.nextName(); name != null; name = in.nextName()) {
                in.nextToken();
                if (name.equals("content")) {
                    content = in.getString();
                } else if (name.equals("id")) {
                    id = id(in);
                } else {
                    in.skipChildren();
                }
            }
            if (content != null && id != null) {
                ids.put(content, id);
            }
        }
    }

    private static int id(JsonParser in) {
        boolean fits = in.currentToken() == JsonToken.VALUE_NUMBER_INT && in.getNumberType() == NumberType.INT;
        if (!fits || in.getIntValue() < 0 || in.getIntValue() > HIGHEST_ID) {
            throw new InputException("gives a token an id that is not a whole number between 0 and " + HIGHEST_ID);
        }
        return in.getIntValue();
    }

    @Nullable
    Integer idOf(String token) {
        return ids.get(token);
    }
}
