package dev.lowrank.engine.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The methods of lists and maps that change nothing. */
final class ContainerMethods {
    private ContainerMethods() {}

    static @Nullable Callable bound(Map<Object, Object> map, String name) {
        return switch (name) {
            case "get" -> (arguments, run) -> get(map, arguments, run);
            case "items" -> (arguments, run) -> items(map, run);
            case "keys" -> (arguments, run) -> view("dict_keys", map.keySet(), run);
            case "values" -> (arguments, run) -> view("dict_values", map.values(), run);
            case "copy" ->
                (arguments, run) -> {
                    run.elements(map.size());
                    return new LinkedHashMap<>(map);
                };
            default -> null;
        };
    }

    static @Nullable Callable bound(List<Object> list, String name) {
        return switch (name) {
            case "index" -> (arguments, run) -> index(list, arguments, run);
            case "count" -> (arguments, run) -> count(list, arguments, run);
            case "copy" -> (arguments, run) -> Sequences.list(list, run);
            default -> null;
        };
    }

    /** What may be a key of a map. */
    static Object key(Object value, Run run) {
        return switch (value) {
            case Markup markup -> markup.text();
            case Undefined undefined -> throw undefined.used(run);
            default -> {
                if (!Lookup.isKey(value)) {
                    throw run.fail("%s cannot be a key of a map; use a text or a number."
                            .formatted(ValueKinds.described(value)));
                }
                yield value;
            }
        };
    }

    /** Whether a map has a key; what is undefined or a tuple may be asked for, but is never one here. */
    static boolean holds(Map<?, ?> map, Object key, Run run) {
        return !(key instanceof Undefined) && !(key instanceof Tuple) && map.containsKey(key(key, run));
    }

    private static Object get(Map<Object, Object> map, Arguments arguments, Run run) {
        Arguments.Bound bound = arguments.bind(run, "get()", "key", "default");
        Object key = bound.required("key");
        Object value = holds(map, key, run) ? map.get(key(key, run)) : null;
        return value != null ? value : bound.or("default", None.NONE);
    }

    static DictView items(Map<Object, Object> map, Run run) {
        run.elements(2L * map.size());
        List<Object> pairs = new ArrayList<>(map.size());
        map.forEach((key, value) -> pairs.add(Tuple.of(key, value)));
        return new DictView("dict_items", pairs);
    }

    private static DictView view(String kind, Iterable<Object> entries, Run run) {
        List<Object> copy = new ArrayList<>();
        for (Object entry : entries) {
            run.elements(1);
            copy.add(entry);
        }
        return new DictView(kind, copy);
    }

    private static Object index(List<Object> list, Arguments arguments, Run run) {
        Object wanted = arguments.bind(run, "index()", "value").required("value");
        for (int i = 0; i < list.size(); i++) {
            if (Operators.same(list.get(i), wanted, run)) {
                return (long) i;
            }
        }
        throw run.fail("index() does not find its value in the list; guard it with \"in\".");
    }

    private static Object count(List<Object> list, Arguments arguments, Run run) {
        Object wanted = arguments.bind(run, "count()", "value").required("value");
        long count = 0;
        for (Object item : list) {
            count += Operators.same(item, wanted, run) ? 1 : 0;
        }
        return count;
    }
}
