package dev.lowrank.engine.spec;

import dev.lowrank.engine.Quoted;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * One object of a spec. What is left out is filled in, and said; which fields were asked for is remembered, so that the
 * others can be refused. Where having none of a thing is a choice, {@code null} says so.
 */
final class Section {
    private final String path;
    private final ObjectNode node;
    private final List<Resolution> resolutions;
    private final TreeSet<String> known = new TreeSet<>();

    Section(String path, ObjectNode node, List<Resolution> resolutions) {
        this.path = path;
        this.node = node;
        this.resolutions = resolutions;
    }

    /** A section that may be left out. */
    Section section(String field) {
        JsonNode value = find(field);
        if (value == null) {
            return new Section(path + field + ".", JsonNodeFactory.instance.objectNode(), resolutions);
        }
        check(value.isObject(), field, value, "an object");
        return new Section(path + field + ".", (ObjectNode) value, resolutions);
    }

    /** A section whose absence means there is no such thing. */
    @Nullable
    Section optionalSection(String field, String reason) {
        return find(field) == null ? none(field, reason) : section(field);
    }

    /** Whether a field is there and not null. */
    boolean has(String field) {
        return node.hasNonNull(field);
    }

    /** What was given, without nulls. */
    Map<String, JsonNode> given() {
        Map<String, JsonNode> given = new LinkedHashMap<>();
        node.forEachEntry((field, value) -> {
            if (!value.isNull()) {
                given.put(field, value);
            }
        });
        return given;
    }

    /** The same section, keeping what is filled in to itself. */
    Section silently() {
        return new Section(path, node, new ArrayList<>());
    }

    String requiredText(String field) {
        String value = optionalText(field);
        if (value == null || value.isBlank()) {
            throw new SpecException(path + field, "is missing; it is required.");
        }
        return value;
    }

    @Nullable
    String optionalText(String field) {
        JsonNode value = find(field);
        if (value == null) {
            return null;
        }
        check(value.isString(), field, value, "a string");
        return value.stringValue();
    }

    String text(String field, String otherwise, String reason) {
        String value = optionalText(field);
        return value != null ? value : filledIn(field, otherwise, reason);
    }

    <E extends Enum<E> & Named> E choice(String field, Class<E> type, E otherwise, String reason) {
        String word = optionalText(field);
        if (word == null) {
            filledIn(field, otherwise.key(), reason);
            return otherwise;
        }
        return Named.parse(type, path + field, word);
    }

    int integer(String field, int otherwise, String reason) {
        JsonNode value = find(field);
        return value == null ? filledIn(field, otherwise, reason) : integer(field, value);
    }

    @Nullable
    Integer optionalInteger(String field, String reason) {
        JsonNode value = find(field);
        return value == null ? none(field, reason) : (Integer) integer(field, value);
    }

    double number(String field, double otherwise, String reason) {
        JsonNode value = find(field);
        return value == null ? filledIn(field, otherwise, reason) : number(field, value);
    }

    boolean bool(String field, boolean otherwise, String reason) {
        JsonNode value = find(field);
        if (value == null) {
            return filledIn(field, otherwise, reason);
        }
        check(value.isBoolean(), field, value, "true or false");
        return value.booleanValue();
    }

    List<Double> pair(String field, List<Double> otherwise, String reason) {
        JsonNode value = find(field);
        if (value == null) {
            return filledIn(field, otherwise, reason);
        }
        String wanted = "a list of two numbers";
        check(value.isArray() && value.size() == 2, field, value, wanted);
        value.forEach(one -> check(one.isNumber(), field, value, wanted));
        return List.of(value.get(0).doubleValue(), value.get(1).doubleValue());
    }

    Targets targets(String field, Targets otherwise, String reason) {
        JsonNode value = find(field);
        if (value == null) {
            filledIn(field, Targets.EVERY, reason);
            return otherwise;
        }
        return targets(field, value);
    }

    @Nullable
    Targets optionalTargets(String field, String reason) {
        JsonNode value = find(field);
        return value == null ? none(field, reason) : targets(field, value);
    }

    List<String> names(String field, List<String> otherwise, String reason) {
        JsonNode value = find(field);
        return value == null ? filledIn(field, otherwise, reason) : names(field, value, "a list of module names");
    }

    @Nullable
    List<String> optionalNames(String field, String reason) {
        JsonNode value = find(field);
        return value == null ? none(field, reason) : names(field, value, "a list of module names");
    }

    @Nullable
    List<Integer> optionalIntegers(String field, String reason) {
        JsonNode value = find(field);
        if (value == null) {
            return none(field, reason);
        }
        String wanted = "a list of whole numbers";
        check(value.isArray(), field, value, wanted);
        List<Integer> numbers = new ArrayList<>();
        for (JsonNode one : value) {
            check(one.isIntegralNumber() && one.canConvertToInt(), field, value, wanted);
            numbers.add(one.intValue());
        }
        return numbers;
    }

    Map<String, Integer> integersByName(String field, String reason) {
        return byName(field, reason, this::integer);
    }

    Map<String, Double> numbersByName(String field, String reason) {
        return byName(field, reason, this::number);
    }

    private <T> Map<String, T> byName(String field, String reason, BiFunction<String, JsonNode, T> reader) {
        JsonNode value = find(field);
        if (value == null) {
            return filledIn(field, Map.of(), reason);
        }
        check(value.isObject(), field, value, "an object of module names and numbers");
        Map<String, T> map = new LinkedHashMap<>();
        value.forEachEntry((name, one) -> map.put(name, reader.apply(field + "." + name, one)));
        return map;
    }

    private Integer integer(String field, JsonNode value) {
        check(value.isIntegralNumber() && value.canConvertToInt(), field, value, "a whole number");
        return value.intValue();
    }

    private Double number(String field, JsonNode value) {
        check(value.isNumber() && Double.isFinite(value.doubleValue()), field, value, "a number");
        return value.doubleValue();
    }

    private Targets targets(String field, JsonNode value) {
        String wanted = "\"%s\" or a list of module names".formatted(Targets.EVERY);
        if (value.isString()) {
            check(value.stringValue().equals(Targets.EVERY), field, value, wanted);
            return Targets.ALL_LINEAR;
        }
        return new Targets(names(field, value, wanted));
    }

    private List<String> names(String field, JsonNode value, String wanted) {
        check(value.isArray(), field, value, wanted);
        List<String> names = new ArrayList<>();
        for (JsonNode name : value) {
            check(name.isString() && !name.stringValue().isBlank(), field, value, wanted);
            names.add(name.stringValue());
        }
        return names;
    }

    /** Makes a field known before it is asked for, so that others can be refused first. */
    void allow(String field) {
        known.add(field);
    }

    /**
     * Refuses every field that was neither asked for nor allowed.
     *
     * @param foreign what is to be said of fields that are known, but not here: the rest of a sentence
     */
    void refuseUnknown(Map<String, String> foreign) {
        for (String field : node.propertyNames()) {
            if (known.contains(field)) {
                continue;
            }
            String problem = foreign.get(field);
            if (problem == null) {
                throw new SpecException(path + field, "is not a known setting; " + NearestName.among(known, field));
            }
            SpecException.unless(!has(field), path + field, problem);
        }
    }

    void refuseUnknown() {
        refuseUnknown(Map.of());
    }

    private @Nullable JsonNode find(String field) {
        known.add(field);
        JsonNode value = node.get(field);
        return value == null || value.isNull() ? null : value;
    }

    private <T> T filledIn(String field, T value, String reason) {
        resolutions.add(new Resolution(path + field, String.valueOf(value), reason));
        return value;
    }

    // A null that was written is a choice, and not left out.
    private <T> @Nullable T none(String field, String reason) {
        if (!node.has(field)) {
            resolutions.add(new Resolution(path + field, "null", reason));
        }
        return null;
    }

    private void check(boolean holds, String field, JsonNode value, String wanted) {
        if (!holds) {
            throw new SpecException(path + field, "is %s, but must be %s.".formatted(Quoted.of(value), wanted));
        }
    }
}
