package dev.lowrank.engine.data;

import dev.lowrank.engine.Quoted;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** JSON values as words in sentences, and as the plain maps and lists that templates work on. */
final class Values {
    private static final int LONGEST_SHOWN = 40;

    private Values() {}

    /** "a number", "null", … */
    static String kind(JsonNode value) {
        return switch (value.getNodeType()) {
            case NULL -> "null";
            case STRING -> "a string";
            case NUMBER -> "a number";
            case BOOLEAN -> value.asString("");
            case ARRAY -> "a list";
            case OBJECT -> "an object";
            default -> "missing";
        };
    }

    /** The value itself if it is short, else its kind. */
    static String shown(JsonNode value) {
        if (value.isContainer()) {
            return kind(value);
        }
        return value.toString().length() <= LONGEST_SHOWN ? Quoted.of(value) : kind(value);
    }

    /** Objects become maps in the order of their keys, arrays lists, whole numbers longs (or big integers). */
    static @Nullable Object plain(JsonNode value) {
        return switch (value.getNodeType()) {
            case OBJECT -> map(value);
            case ARRAY -> list(value);
            case STRING -> value.stringValue();
            case BOOLEAN -> value.booleanValue();
            case NUMBER -> number(value);
            default -> null;
        };
    }

    private static Number number(JsonNode value) {
        if (!value.isIntegralNumber()) {
            return value.doubleValue();
        }
        return value.canConvertToLong() ? (Number) value.longValue() : value.bigIntegerValue();
    }

    @SuppressWarnings("NullAway") // JSON null is a value that templates must see
    static Map<String, Object> map(JsonNode object) {
        Map<String, Object> map = new LinkedHashMap<>();
        object.forEachEntry((name, value) -> map.put(name, plain(value)));
        return map;
    }

    static List<@Nullable Object> list(JsonNode array) {
        List<@Nullable Object> list = new ArrayList<>(array.size());
        array.forEach(value -> list.add(plain(value)));
        return list;
    }
}
