package dev.lowrank.engine.template;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Walking over values as Python does: a map gives its keys, a text its characters. */
final class Sequences {
    private Sequences() {}

    static Iterator<Object> iterate(Object value, Run run) {
        return switch (value) {
            case String text -> characters(text);
            case Markup markup -> characters(markup.text());
            case List<?> list -> objects(list).iterator();
            case Map<?, ?> map -> keys(map).iterator();
            case DictView view -> view.entries().iterator();
            case Lazy lazy -> lazy.elements();
            case Undefined undefined -> List.of().iterator();
            default ->
                throw run.fail("%s cannot be walked over; use a list, a map or a text."
                        .formatted(ValueKinds.described(value)));
        };
    }

    static boolean isIterable(Object value) {
        return value instanceof String
                || value instanceof Markup
                || value instanceof List<?>
                || value instanceof Map<?, ?>
                || value instanceof DictView
                || value instanceof Lazy
                || value instanceof Undefined;
    }

    static List<Object> list(Object value, Run run) {
        List<Object> list = new ArrayList<>();
        for (Iterator<Object> items = iterate(value, run); items.hasNext(); ) {
            run.elements(1);
            list.add(items.next());
        }
        return list;
    }

    /** Number of elements, or -1 for what has none. */
    static long length(Object value, Run run) {
        return switch (value) {
            case String text -> length(text, run);
            case Markup markup -> length(markup.text(), run);
            case List<?> list -> list.size();
            case Map<?, ?> map -> map.size();
            case DictView view -> view.entries().size();
            case Undefined undefined -> 0;
            default -> -1;
        };
    }

    private static long length(String text, Run run) {
        run.scan(text.length());
        return CodePoints.length(text);
    }

    static Lazy map(Object value, UnaryOperator<Object> change, Run run) {
        Iterator<Object> items = iterate(value, run);
        return new Lazy(new Iterator<>() {
            @Override
            public boolean hasNext() {
                return items.hasNext();
            }

            @Override
            public Object next() {
                run.step(1);
                return change.apply(items.next());
            }
        });
    }

    static Lazy filter(Object value, Predicate<Object> keep, Run run) {
        Iterator<Object> items = iterate(value, run);
        return new Lazy(new Iterator<>() {
            private @Nullable Object found;

            @Override
            public boolean hasNext() {
                while (found == null && items.hasNext()) {
                    run.step(1);
                    Object item = items.next();
                    found = keep.test(item) ? item : null;
                }
                return found != null;
            }

            @Override
            public Object next() {
                if (!hasNext() || found == null) {
                    throw new NoSuchElementException();
                }
                Object item = found;
                found = null;
                return item;
            }
        });
    }

    // Everything inside the interpreter was made or copied by it, so elements are objects and never null.
    @SuppressWarnings("unchecked")
    static List<Object> objects(List<?> list) {
        return (List<Object>) list;
    }

    @SuppressWarnings("unchecked")
    static Map<Object, Object> entries(Map<?, ?> map) {
        return (Map<Object, Object>) map;
    }

    private static Iterable<Object> keys(Map<?, ?> map) {
        return entries(map).keySet();
    }

    private static Iterator<Object> characters(String text) {
        return new Iterator<>() {
            private int next;

            @Override
            public boolean hasNext() {
                return next < text.length();
            }

            @Override
            public Object next() {
                if (!hasNext()) {
                    throw new NoSuchElementException();
                }
                int c = text.codePointAt(next);
                next += Character.charCount(c);
                return Character.toString(c);
            }
        };
    }
}
