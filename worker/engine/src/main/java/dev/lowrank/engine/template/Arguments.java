package dev.lowrank.engine.template;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a call passes, evaluated. */
record Arguments(List<Object> positional, Map<String, Object> named) {
    static final Arguments NOTHING = new Arguments(List.of(), Map.of());

    static Arguments of(Object... positional) {
        return new Arguments(List.of(positional), Map.of());
    }

    /** The arguments from the second on. */
    Arguments rest(int from) {
        return new Arguments(positional.subList(Math.min(from, positional.size()), positional.size()), named);
    }

    /**
     * Gives each argument its name.
     *
     * @param what what is called, for messages
     * @param names names of the parameters, in order
     */
    Bound bind(Run run, String what, String... names) {
        if (positional.size() > names.length) {
            throw run.fail(
                    "%s takes at most %d arguments, but gets %d.".formatted(what, names.length, positional.size()));
        }
        Map<String, Object> values = new HashMap<>();
        for (int i = 0; i < positional.size(); i++) {
            values.put(names[i], positional.get(i));
        }
        List<String> known = List.of(names);
        named.forEach((name, value) -> {
            if (!known.contains(name)) {
                throw run.fail("%s takes no argument \"%s\"; it takes %s."
                        .formatted(what, name, known.isEmpty() ? "none" : String.join(", ", known)));
            }
            if (values.put(name, value) != null) {
                throw run.fail("%s gets the argument \"%s\" twice.".formatted(what, name));
            }
        });
        return new Bound(what, values, run);
    }

    /** Arguments by name. */
    record Bound(String what, Map<String, Object> values, Run run) {
        /** The value, or null when nothing or {@code none} is passed. */
        @Nullable
        Object value(String name) {
            Object value = values.get(name);
            return value == None.NONE ? null : value;
        }

        Object required(String name) {
            Object value = values.get(name);
            if (value == null) {
                throw run.fail("%s needs the argument \"%s\".".formatted(what, name));
            }
            return value;
        }

        Object or(String name, Object otherwise) {
            Object value = values.get(name);
            return value != null ? value : otherwise;
        }

        boolean flag(String name) {
            Object value = values.get(name);
            return value != null && ValueKinds.truth(value);
        }

        long integer(String name, long otherwise) {
            Object value = value(name);
            return value == null ? otherwise : number(name, value);
        }

        long requiredInteger(String name) {
            return number(name, required(name));
        }

        private long number(String name, Object value) {
            return switch (value) {
                case Long number -> number;
                case Boolean flag -> flag ? 1L : 0L;
                default -> throw wrong(name, value, "a whole number");
            };
        }

        String text(String name) {
            Object value = required(name);
            return switch (value) {
                case String text -> text;
                case Markup markup -> markup.text();
                default -> throw wrong(name, value, "a text");
            };
        }

        @Nullable
        String textOrNull(String name) {
            return value(name) == null ? null : text(name);
        }

        private TemplateException wrong(String name, Object value, String wanted) {
            if (value instanceof Undefined undefined) {
                return undefined.used(run);
            }
            return run.fail(
                    "%s needs %s as \"%s\", but gets %s.".formatted(what, wanted, name, ValueKinds.described(value)));
        }
    }
}
