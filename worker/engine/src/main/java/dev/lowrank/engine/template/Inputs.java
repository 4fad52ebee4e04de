package dev.lowrank.engine.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Copies variables into values the interpreter knows: no other Java object ever gets inside. */
final class Inputs {
    private static final BigInteger LONG_MIN = BigInteger.valueOf(Long.MIN_VALUE);
    private static final BigInteger LONG_MAX = BigInteger.valueOf(Long.MAX_VALUE);

    private final Run run;

    Inputs(Run run) {
        this.run = run;
    }

    Map<String, Object> variables(Map<String, ?> variables) {
        Map<String, Object> names = new LinkedHashMap<>();
        variables.forEach((name, value) -> names.put(name, value(value, name, 0)));
        return names;
    }

    private Object value(@Nullable Object value, String place, int depth) {
        if (depth > Limits.VALUE_DEPTH) {
            throw run.fail("the variable \"%s\" is more than %d levels deep; pass flatter data."
                    .formatted(place, Limits.VALUE_DEPTH));
        }
        return switch (value) {
            case null -> None.NONE;
            case String text -> text;
            case Boolean flag -> flag;
            case Number number -> number(number, place);
            case Map<?, ?> map -> map(map, place, depth);
            case List<?> list -> list(list, place, depth);
            default ->
                throw run.fail(
                        "the variable \"%s\" is a %s; pass only maps, lists, texts, numbers, true, false and null."
                                .formatted(place, value.getClass().getName()));
        };
    }

    private Object number(Number number, String place) {
        return switch (number) {
            case Byte b -> b.longValue();
            case Short s -> s.longValue();
            case Integer i -> i.longValue();
            case Long l -> l;
            case Float f -> f.doubleValue();
            case Double d -> d;
            case BigInteger big -> integer(big);
            case BigDecimal big -> big.doubleValue();
            default ->
                throw run.fail("the variable \"%s\" is a %s; pass whole numbers or doubles."
                        .formatted(place, number.getClass().getName()));
        };
    }

    static Object integer(BigInteger big) {
        boolean fits = big.compareTo(LONG_MIN) >= 0 && big.compareTo(LONG_MAX) <= 0;
        return fits ? (Object) big.longValue() : big;
    }

    private Map<Object, Object> map(Map<?, ?> map, String place, int depth) {
        run.elements(map.size());
        Map<Object, Object> copy = LinkedHashMap.newLinkedHashMap(map.size());
        map.forEach((key, item) -> {
            if (!(key instanceof String name)) {
                throw run.fail("the variable \"%s\" has a key that is no text; use texts as keys.".formatted(place));
            }
            copy.put(name, value(item, place, depth + 1));
        });
        return copy;
    }

    private List<Object> list(List<?> list, String place, int depth) {
        run.elements(list.size());
        List<Object> copy = new ArrayList<>(list.size());
        for (Object item : list) {
            copy.add(value(item, place, depth + 1));
        }
        return copy;
    }
}
