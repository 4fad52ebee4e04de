package dev.lowrank.engine.tokenizer;

import dev.lowrank.engine.InputException;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Everything of a tokenizer.json but its vocabulary and its merges, which are too many to hold as a tree. */
final class TokenizerOutline {
    private static final int MOST_VALUES = 500_000;
    private static final Set<String> LEFT_OUT = Set.of("vocab", "merges");

    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder()
                    .maxNestingDepth(64)
                    .maxNumberLength(100)
                    .build())
            .disable(TokenStreamFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
            .build();

    private final JsonParser in;
    private int values;

    private TokenizerOutline(JsonParser in) {
        this.in = in;
    }

    /**
     * Reads it; of the model's vocabulary and merges there is only null or an empty list or object.
     *
     * @throws JacksonException if it is not JSON
     * @throws InputException if it is no object, says a thing twice or holds what no tokenizer can use; the sentence lacks
     *     the file's name
     */
    static ObjectNode read(String json) {
        try (JsonParser in = JSON.createParser(ObjectReadContext.empty(), json)) {
            if (in.nextToken() != JsonToken.START_OBJECT) {
                throw new InputException("is not a JSON object");
            }
            ObjectNode outline = new TokenizerOutline(in).object(0, "");
            if (in.nextToken() != null) {
                throw new InputException("goes on after its closing \"}\"");
            }
            return outline;
        }
    }

    private ObjectNode object(int depth, String path) {
        ObjectNode object = JsonNodeFactory.instance.objectNode();
        for (String name = in.nextName(); name != null; name = in.nextName()) {
            in.nextToken();
            String inside = path + "." + name;
            JsonNode value = depth == 1 && path.equals(".model") && LEFT_OUT.contains(name)
                    ? emptied()
                    : value(depth + 1, inside);
            if (object.replace(name, value) != null) {
                throw new InputException("has %s twice".formatted(inside.substring(1)));
            }
        }
        return object;
    }

    private JsonNode emptied() {
        JsonNode empty = switch (in.currentToken()) {
            case START_OBJECT -> JsonNodeFactory.instance.objectNode();
            case START_ARRAY -> JsonNodeFactory.instance.arrayNode();
            default -> JsonNodeFactory.instance.nullNode();
        };
        in.skipChildren();
        return empty;
    }

    private JsonNode value(int depth, String path) {
        if (++values > MOST_VALUES) {
            throw new InputException("holds more than %d values besides its vocabulary".formatted(MOST_VALUES));
        }
        JsonNodeFactory nodes = JsonNodeFactory.instance;
        return switch (in.currentToken()) {
            case START_OBJECT -> object(depth, path);
            case START_ARRAY -> {
                ArrayNode array = nodes.arrayNode();
                while (in.nextToken() != JsonToken.END_ARRAY) {
                    array.add(value(depth, path + "[]"));
                }
                yield array;
            }
            case VALUE_STRING -> nodes.stringNode(plain(in.getString(), path));
            case VALUE_NUMBER_INT ->
                in.getNumberType() == JsonParser.NumberType.BIG_INTEGER
                        ? nodes.numberNode(in.getBigIntegerValue())
                        : nodes.numberNode(in.getLongValue());
            case VALUE_NUMBER_FLOAT -> nodes.numberNode(finite(in.getDoubleValue(), path));
            case VALUE_TRUE -> nodes.booleanNode(true);
            case VALUE_FALSE -> nodes.booleanNode(false);
            default -> nodes.nullNode();
        };
    }

    private static double finite(double number, String path) {
        if (!Double.isFinite(number)) {
            throw new InputException("has a number in %s that is too large".formatted(path.substring(1)));
        }
        return number;
    }

    private static String plain(String text, String path) {
        if (text.codePoints().anyMatch(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE)) {
            throw new InputException("has half of a surrogate pair in %s".formatted(path.substring(1)));
        }
        return text;
    }
}
