package dev.lowrank.engine.tokenizer;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.Quoted;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
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
    private static final int MOST_TOKENS = 2_000_000;
    private static final int LONGEST_TOKEN = 4_096;

    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(64)
                    .maxNumberLength(100)
                    .build())
            // Hundreds of thousands of names, each met once: a table of them only costs.
            .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
            .build();

    /** What is read, in the order of the file. */
    private static final class Reading {
        private final Map<String, Integer> model = new HashMap<>();
        private final Map<String, Integer> added = new LinkedHashMap<>();
        /** Tokens of the model as the library counts them. */
        private int modelSize;

        void model(String token, int id) {
            if (token.length() > LONGEST_TOKEN) {
                throw new InputException("has a token of more than %d characters".formatted(LONGEST_TOKEN));
            }
            if (model.size() == MOST_TOKENS) {
                throw new InputException("has more than %d tokens".formatted(MOST_TOKENS));
            }
            model.put(token, id);
            modelSize = Math.max(modelSize, model.size());
        }

        void added(String token, int id) {
            Integer other = added.put(token, id);
            if (other != null && other != id) {
                throw twice(token, other, id);
            }
        }

        /** The library numbers added tokens itself, whatever the file says, so the file must say the same. */
        Map<String, Integer> all() {
            int next = modelSize;
            BitSet taken = new BitSet();
            for (Map.Entry<String, Integer> token : model.entrySet()) {
                if (taken.get(token.getValue())) {
                    throw new InputException("gives the id %d to two tokens".formatted(token.getValue()));
                }
                taken.set(token.getValue());
            }
            int highestAdded = -1;
            for (Map.Entry<String, Integer> token : added.entrySet()) {
                Integer known = model.get(token.getKey());
                if (known == null) {
                    known = Math.max(next, highestAdded + 1);
                    if (taken.get(known)) {
                        throw new InputException("gives the id %d to two tokens".formatted(known));
                    }
                }
                if (!known.equals(token.getValue())) {
                    throw twice(token.getKey(), token.getValue(), known);
                }
                highestAdded = Math.max(highestAdded, known);
            }
            Map<String, Integer> all = new HashMap<>(model);
            all.putAll(added);
            return all;
        }

        private static InputException twice(String token, int id, int other) {
            return new InputException(
                    "gives the added token %s the id %d, but its place is %d".formatted(Quoted.of(token), id, other));
        }
    }

    /**
     * Reads the vocabulary of any model kind: a map of tokens to ids, or (Unigram) a list of [token, score].
     *
     * @throws JacksonException if it is not JSON
     * @throws InputException if an id is out of bounds or not the token's own; the sentence lacks the file's name
     */
    static Vocabulary read(String json) {
        Reading reading = new Reading();
        try (JsonParser in = JSON.createParser(ObjectReadContext.empty(), json)) {
            in.nextToken();
            for (String name = in.nextName(); name != null; name = in.nextName()) {
                in.nextToken();
                switch (name) {
                    case "model" -> readModel(in, reading);
                    case "added_tokens" -> readAdded(in, reading);
                    default -> in.skipChildren();
                }
            }
        }
        Map<String, Integer> ids = reading.all();
        int highest = ids.values().stream().mapToInt(Integer::intValue).max().orElse(-1);
        return new Vocabulary(Collections.unmodifiableMap(ids), highest + 1);
    }

    private static void readModel(JsonParser in, Reading reading) {
        if (in.currentToken() != JsonToken.START_OBJECT) {
            in.skipChildren();
            return;
        }
        for (String name = in.nextName(); name != null; name = in.nextName()) {
            JsonToken value = in.nextToken();
            if (!name.equals("vocab")) {
                in.skipChildren();
            } else if (value == JsonToken.START_OBJECT) {
                readMap(in, reading);
            } else if (value == JsonToken.START_ARRAY) {
                readPieces(in, reading);
            }
        }
    }

    private static void readMap(JsonParser in, Reading reading) {
        for (String token = in.nextName(); token != null; token = in.nextName()) {
            in.nextToken();
            reading.model(token, id(in));
        }
    }

    private static void readPieces(JsonParser in, Reading reading) {
        int id = 0;
        while (in.nextToken() == JsonToken.START_ARRAY) {
            if (in.nextToken() == JsonToken.VALUE_STRING) {
                reading.model(in.getString(), id);
            }
            while (in.nextToken() != JsonToken.END_ARRAY) {
                in.skipChildren();
            }
            id++;
        }
        reading.modelSize = id;
    }

    private static void readAdded(JsonParser in, Reading reading) {
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
                reading.added(content, id);
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
