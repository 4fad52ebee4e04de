package dev.lowrank.engine.format;

import dev.lowrank.engine.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** One reading of one {@code adapter_config.json}: typed fields, and the refusal of every field nobody asked for. */
final class PeftFields {
    private final Path file;
    private final JsonNode root;
    private final Set<String> known = new HashSet<>();

    PeftFields(Path file, JsonNode root) {
        this.file = file;
        this.root = root;
        if (!root.isObject()) {
            throw Refusal.of(file, "is not a JSON object; take the adapter's own adapter_config.json");
        }
    }

    private JsonNode get(String field) {
        known.add(field);
        return root.path(field);
    }

    /** Fields that change no number, whatever they say. */
    void ignore(String... fields) {
        known.addAll(List.of(fields));
    }

    boolean has(String field) {
        JsonNode value = get(field);
        return !value.isMissingNode() && !value.isNull();
    }

    int whole(String field, int least, int most) {
        return whole(get(field), field, least, most);
    }

    private int whole(JsonNode value, String field, int least, int most) {
        double number = value.isNumber() ? value.doubleValue() : Double.NaN;
        require(
                number == Math.rint(number) && number >= least && number <= most,
                field,
                "a whole number from %d to %d".formatted(least, most));
        return (int) number;
    }

    double positive(String field) {
        return positive(get(field), field);
    }

    private double positive(JsonNode value, String field) {
        double number = value.isNumber() ? value.doubleValue() : Double.NaN;
        require(number > 0 && Double.isFinite(number), field, "a positive number");
        return number;
    }

    /** At least 0 and less than 1; 0 when left out. */
    double fraction(String field) {
        if (!has(field)) {
            return 0;
        }
        double number = get(field).isNumber() ? get(field).doubleValue() : Double.NaN;
        require(number >= 0 && number < 1, field, "a number of at least 0 and less than 1");
        return number;
    }

    /** False when left out. */
    boolean flag(String field) {
        JsonNode value = get(field);
        require(!has(field) || value.isBoolean(), field, "true or false");
        return value.isBoolean() && value.booleanValue();
    }

    @Nullable
    String text(String field) {
        JsonNode value = get(field);
        require(!has(field) || value.isString(), field, "a text or null");
        return value.isString() ? value.stringValue() : null;
    }

    /** A text out of a few; what is meant when it is left out may be null, for a field that must be there. */
    <E> E choice(String field, List<E> options, Function<E, String> key, @Nullable E leftOut) {
        if (leftOut != null && !has(field)) {
            return leftOut;
        }
        JsonNode value = get(field);
        for (E option : options) {
            if (value.isString() && value.stringValue().equals(key.apply(option))) {
                return option;
            }
        }
        throw wrong(field, "one of " + options.stream().map(key).collect(Collectors.joining(", ")));
    }

    /** A text, or true or false as one; the given one when left out. */
    String word(String field, String leftOut) {
        JsonNode value = get(field);
        return !has(field) ? leftOut : value.isString() ? value.stringValue() : value.toString();
    }

    /** One plain name or a list of them; none when left out. */
    List<String> nameOrNames(String field) {
        JsonNode value = get(field);
        if (!value.isString()) {
            return names(field);
        }
        return value.stringValue().isEmpty()
                ? List.of()
                : names(JsonMapper.shared().createArrayNode().add(value), field);
    }

    /** Plain names; none when left out. */
    List<String> names(String field) {
        return has(field) ? names(get(field), field) : List.of();
    }

    private List<String> names(JsonNode value, String field) {
        require(value.isArray(), field, "a list of module names");
        List<String> names = new ArrayList<>();
        for (JsonNode name : value) {
            boolean plain = name.isString() && name.stringValue().matches("[A-Za-z0-9_.\\-]{1,512}");
            require(plain, field, "a list of module names");
            names.add(name.stringValue());
        }
        return names;
    }

    /** A number or a list of them; none when left out. */
    List<Integer> numbers(String field, int most) {
        if (!has(field)) {
            return List.of();
        }
        JsonNode value = get(field);
        List<Integer> numbers = new ArrayList<>();
        if (value.isArray()) {
            value.forEach(number -> numbers.add(whole(number, field, 0, most)));
        } else {
            numbers.add(whole(value, field, 0, most));
        }
        return numbers;
    }

    /** Names, a pattern or "all-linear"; null when left out or empty. */
    @Nullable
    PeftTargets targets(String field) {
        JsonNode value = get(field);
        if (!has(field) || value.isContainer() && value.isEmpty()) {
            return null;
        }
        if (!value.isString()) {
            return new PeftTargets.Listed(names(value, field));
        }
        String text = value.stringValue();
        return text.equalsIgnoreCase(PeftTargets.ALL_LINEAR)
                ? new PeftTargets.AllLinear()
                : sound(field, () -> new PeftTargets.Expression(PeftPattern.of(text)));
    }

    PeftPatterns<Integer> wholePatterns(String field, int least, int most) {
        Map<String, Integer> values = new LinkedHashMap<>();
        object(field).forEachEntry((key, value) -> values.put(key, whole(value, field, least, most)));
        return sound(field, () -> PeftPatterns.of(values));
    }

    PeftPatterns<Double> positivePatterns(String field) {
        Map<String, Double> values = new LinkedHashMap<>();
        object(field).forEachEntry((key, value) -> values.put(key, positive(value, field)));
        return sound(field, () -> PeftPatterns.of(values));
    }

    private JsonNode object(String field) {
        require(!has(field) || get(field).isObject(), field, "a map from patterns to numbers");
        return get(field);
    }

    /** Turns a model's complaint about a field into a refusal. */
    <T> T sound(String field, Supplier<T> made) {
        try {
            return made.get();
        } catch (IllegalArgumentException e) {
            throw Refusal.of(
                    file,
                    "has %s %s, whose pattern %s; list the module names instead"
                            .formatted(field, shown(get(field)), e.getMessage()),
                    e);
        }
    }

    /** Refuses a field that is set to anything but one text; a field left out passes only if it may be. */
    void only(String field, String text, boolean mayBeLeftOut) {
        boolean fits =
                has(field) ? get(field).isString() && get(field).stringValue().equals(text) : mayBeLeftOut;
        if (!fits) {
            throw Refusal.of(
                    file,
                    "has %s %s, but only %s is supported; give an adapter of that kind"
                            .formatted(field, shown(get(field)), text));
        }
    }

    /**
     * Refuses every field that is set and that nobody asked for.
     *
     * @param reasons of known fields, what they mean
     */
    void refuseTheRest(Map<String, String> reasons) {
        root.forEachEntry((field, value) -> {
            if (!known.contains(field) && isSet(value)) {
                String reason = reasons.get(field);
                throw Refusal.of(
                        file,
                        "sets %s to %s, which %s; train or save the adapter without it"
                                .formatted(
                                        Refusal.quoted(field),
                                        shown(value),
                                        reason == null
                                                ? "this version does not know"
                                                : "means %s and is not supported".formatted(reason)));
            }
        });
    }

    private static boolean isSet(JsonNode value) {
        boolean off = value.isNull()
                || value.isBoolean() && !value.booleanValue()
                || value.isContainer() && value.isEmpty()
                || value.isString() && value.stringValue().isEmpty();
        return !off;
    }

    void require(boolean holds, String field, String wanted) {
        if (!holds) {
            throw wrong(field, wanted);
        }
    }

    /** {@code problem} continues the sentence after the field and its value, with a remedy. */
    InputException refused(String field, String problem) {
        return Refusal.of(file, "has %s %s, %s".formatted(field, shown(get(field)), problem));
    }

    private InputException wrong(String field, String wanted) {
        return Refusal.of(
                file,
                "has %s %s where %s belongs; correct it or save the adapter again"
                        .formatted(field, shown(get(field)), wanted));
    }

    private static String shown(JsonNode value) {
        return Refusal.shown(value, "left out");
    }
}
