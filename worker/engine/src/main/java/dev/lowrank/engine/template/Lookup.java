package dev.lowrank.engine.template;

import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What {@code value.name} and {@code value[index]} give. Names are keys of maps or come from fixed lists of methods; no
 * Java member can be reached.
 */
final class Lookup {
    private static final Set<String> CHANGES = Set.of(
            "append",
            "clear",
            "pop",
            "popitem",
            "reverse",
            "insert",
            "sort",
            "extend",
            "remove",
            "update",
            "setdefault");

    private Lookup() {}

    /** {@code of.name}: methods come before keys, as in Jinja. */
    static Object attribute(Object of, String name, Run run) {
        return switch (of) {
            case Undefined undefined -> throw undefined.used(run);
            case Map<?, ?> map -> {
                Object method = member(of, name, run);
                if (!(method instanceof Undefined missing)) {
                    yield method;
                }
                Object value = map.get(name);
                yield value != null ? value : missing;
            }
            default -> member(of, name, run);
        };
    }

    /** {@code of[index]}: keys come before methods, as in Jinja. */
    static Object item(Object of, Object index, Run run) {
        if (of instanceof Undefined undefined) {
            throw undefined.used(run);
        }
        Object key = index instanceof Markup markup ? markup.text() : index;
        if (of instanceof Map<?, ?> map) {
            Object value = isKey(key) ? map.get(key) : null;
            if (value != null) {
                return value;
            }
        }
        return switch (key) {
            case String name -> member(of, name, run);
            case Long position -> element(of, position, run);
            case Boolean flag -> element(of, flag ? 1 : 0, run);
            default -> Undefined.element(of, PythonText.repr(key, run));
        };
    }

    static boolean isKey(Object value) {
        return value instanceof String || value instanceof None || ValueKinds.isNumber(value);
    }

    private static Object element(Object of, long position, Run run) {
        long size = of instanceof Map<?, ?> || of instanceof DictView ? -1 : Sequences.length(of, run);
        long index = position < 0 ? position + size : position;
        if (index < 0 || index >= size) {
            return Undefined.element(of, Long.toString(position));
        }
        return switch (of) {
            case String text -> character(text, (int) index, run);
            case Markup markup -> character(markup.text(), (int) index, run);
            case List<?> list -> Sequences.objects(list).get((int) index);
            default -> Undefined.element(of, Long.toString(position));
        };
    }

    private static String character(String text, int index, Run run) {
        run.scan(text.length());
        return CodePoints.at(text, index);
    }

    private static Object member(Object of, String name, Run run) {
        Object member = switch (of) {
            case String text -> StringMethods.bound(text, name);
            case Markup markup -> StringMethods.bound(markup.text(), name);
            case Map<?, ?> map -> ContainerMethods.bound(Sequences.entries(map), name);
            case List<?> list -> ContainerMethods.bound(Sequences.objects(list), name);
            case Namespace namespace -> namespace.get(name);
            case LoopState loop -> loop.get(name);
            default -> null;
        };
        return member != null ? member : missing(of, name, run);
    }

    private static Undefined missing(Object of, String name, Run run) {
        boolean map = of instanceof Map<?, ?>;
        boolean isData = map && ((Map<?, ?>) of).containsKey(name);
        if (!isData && name.startsWith(map ? "__" : "_")) {
            throw run.fail("the name \"%s\" begins with an underscore, which templates may not use.".formatted(name));
        }
        if (CHANGES.contains(name) && (map || of instanceof List<?>)) {
            return new Undefined("%s cannot be changed by a template, so it has no \"%s\""
                    .formatted(ValueKinds.described(of), name));
        }
        return Undefined.attribute(of, name);
    }
}
