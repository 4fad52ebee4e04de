package dev.lowrank.engine.template;

import dev.lowrank.engine.template.Filters.Filter;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Filters that look at elements; {@link ElementFilters} has those that choose or change them. */
final class SequenceFilters {
    static final Map<String, Filter> BY_NAME = Map.ofEntries(
            Map.entry("length", SequenceFilters::length),
            Map.entry("count", SequenceFilters::length),
            Map.entry("first", SequenceFilters::first),
            Map.entry("last", SequenceFilters::last),
            Map.entry("list", (value, in, run) -> Sequences.list(value, run)),
            Map.entry("join", SequenceFilters::join),
            Map.entry("reverse", SequenceFilters::reverse),
            Map.entry("sort", SequenceFilters::sort),
            Map.entry("dictsort", SequenceFilters::dictSort),
            Map.entry("items", SequenceFilters::items),
            Map.entry("min", (value, in, run) -> extreme("min", value, in, -1, run)),
            Map.entry("max", (value, in, run) -> extreme("max", value, in, 1, run)),
            Map.entry("sum", SequenceFilters::sum),
            Map.entry("default", SequenceFilters::orDefault),
            Map.entry("d", SequenceFilters::orDefault),
            Map.entry("attr", SequenceFilters::attribute),
            Map.entry("unique", ElementFilters::unique),
            Map.entry("batch", ElementFilters::batch),
            Map.entry("slice", ElementFilters::slice),
            Map.entry("map", ElementFilters::map),
            Map.entry("select", (value, in, run) -> ElementFilters.select(value, in, true, run)),
            Map.entry("reject", (value, in, run) -> ElementFilters.select(value, in, false, run)),
            Map.entry("selectattr", (value, in, run) -> ElementFilters.selectAttribute(value, in, true, run)),
            Map.entry("rejectattr", (value, in, run) -> ElementFilters.selectAttribute(value, in, false, run)));

    private SequenceFilters() {}

    private static Object length(Object value, Arguments in, Run run) {
        in.bind(run, "the filter \"length\"");
        long length = Sequences.length(value, run);
        if (length < 0) {
            throw run.fail("%s has no length; use a list, map or text, or add |list first."
                    .formatted(ValueKinds.described(value)));
        }
        return length;
    }

    private static Object first(Object value, Arguments in, Run run) {
        in.bind(run, "the filter \"first\"");
        Iterator<Object> items = Sequences.iterate(value, run);
        return items.hasNext() ? items.next() : new Undefined("No first item, sequence was empty");
    }

    private static Object last(Object value, Arguments in, Run run) {
        in.bind(run, "the filter \"last\"");
        if (value instanceof Lazy) {
            throw run.fail("the filter \"last\" gets elements that are not made yet; add |list before it.");
        }
        List<Object> items = value instanceof List<?> list ? Sequences.objects(list) : Sequences.list(value, run);
        return items.isEmpty() ? new Undefined("No last item, sequence was empty") : items.getLast();
    }

    private static Object join(Object value, Arguments in, Run run) {
        Arguments.Bound bound = in.bind(run, "the filter \"join\"", "d", "attribute");
        String separator = PythonText.str(bound.or("d", ""), run);
        Path path = Path.to(bound.value("attribute"), run);
        Sink out = new Sink(run);
        boolean first = true;
        for (Iterator<Object> items = Sequences.iterate(value, run); items.hasNext(); first = false) {
            run.step(1);
            out.add(first ? "" : separator).add(PythonText.str(path.of(items.next(), run), run));
        }
        return out.toString();
    }

    private static Object reverse(Object value, Arguments in, Run run) {
        in.bind(run, "the filter \"reverse\"");
        if (Operators.isText(value)) {
            String text = PythonText.str(value, run);
            run.text(text.length());
            return CodePoints.reversed(text);
        }
        List<Object> items = Sequences.list(value, run);
        Collections.reverse(items);
        return new Lazy(items.iterator());
    }

    private static Object sort(Object value, Arguments in, Run run) {
        Arguments.Bound bound = in.bind(run, "the filter \"sort\"", "reverse", "case_sensitive", "attribute");
        List<Path> paths = Path.several(bound.value("attribute"), run);
        boolean exact = bound.flag("case_sensitive");
        return sorted(
                Sequences.list(value, run),
                item -> Tuple.copyOf(paths.stream()
                        .map(path -> folded(path.of(item, run), exact))
                        .toList()),
                bound.flag("reverse"),
                run);
    }

    private static Object dictSort(Object value, Arguments in, Run run) {
        Arguments.Bound bound = in.bind(run, "the filter \"dictsort\"", "case_sensitive", "by", "reverse");
        if (!(value instanceof Map<?, ?> map)) {
            throw run.fail("the filter \"dictsort\" gets %s; give it a map.".formatted(ValueKinds.described(value)));
        }
        String by = bound.value("by") == null ? "key" : bound.text("by");
        if (!by.equals("key") && !by.equals("value")) {
            throw run.fail("the filter \"dictsort\" sorts by \"key\" or \"value\" only.");
        }
        int place = by.equals("key") ? 0 : 1;
        boolean exact = bound.flag("case_sensitive");
        List<Object> pairs = ContainerMethods.items(Sequences.entries(map), run).entries();
        return sorted(pairs, pair -> folded(((Tuple) pair).get(place), exact), bound.flag("reverse"), run);
    }

    /** Sorts by keys found once; equal elements keep their order, also when reversed. */
    private static List<Object> sorted(List<Object> items, UnaryOperator<Object> key, boolean reversed, Run run) {
        run.elements(items.size());
        record Keyed(Object key, Object item) {}
        List<Keyed> keyed = new ArrayList<>();
        items.forEach(item -> keyed.add(new Keyed(key.apply(item), item)));
        Comparator<Keyed> order = (a, b) -> Operators.compare(a.key(), b.key(), run);
        keyed.sort(reversed ? order.reversed() : order);
        List<Object> sorted = new ArrayList<>(items.size());
        keyed.forEach(entry -> sorted.add(entry.item()));
        return sorted;
    }

    static Object folded(Object value, boolean exact) {
        if (exact) {
            return value;
        }
        return switch (value) {
            case String text -> TextCase.lower(text);
            case Markup markup -> TextCase.lower(markup.text());
            default -> value;
        };
    }

    private static Object items(Object value, Arguments in, Run run) {
        in.bind(run, "the filter \"items\"");
        return switch (value) {
            case Undefined undefined -> new Lazy(Collections.emptyIterator());
            case Map<?, ?> map ->
                new Lazy(ContainerMethods.items(Sequences.entries(map), run)
                        .entries()
                        .iterator());
            default ->
                throw run.fail("the filter \"items\" gets %s; give it a map.".formatted(ValueKinds.described(value)));
        };
    }

    private static Object extreme(String name, Object value, Arguments in, int sign, Run run) {
        Arguments.Bound bound = in.bind(run, "the filter \"" + name + "\"", "case_sensitive", "attribute");
        Path path = Path.to(bound.value("attribute"), run);
        boolean exact = bound.flag("case_sensitive");
        Object best = new Undefined("No aggregated item, sequence was empty");
        Object bestKey = best;
        for (Iterator<Object> items = Sequences.iterate(value, run); items.hasNext(); ) {
            Object item = items.next();
            Object key = folded(path.of(item, run), exact);
            if (bestKey instanceof Undefined || Operators.compare(key, bestKey, run) * sign > 0) {
                best = item;
                bestKey = key;
            }
        }
        return best;
    }

    private static Object sum(Object value, Arguments in, Run run) {
        Arguments.Bound bound = in.bind(run, "the filter \"sum\"", "attribute", "start");
        Path path = Path.to(bound.value("attribute"), run);
        Object sum = bound.or("start", 0L);
        for (Iterator<Object> items = Sequences.iterate(value, run); items.hasNext(); ) {
            run.step(1);
            sum = Operators.arithmetic("+", sum, path.of(items.next(), run), run);
        }
        return sum;
    }

    private static Object orDefault(Object value, Arguments in, Run run) {
        Arguments.Bound bound = in.bind(run, "the filter \"default\"", "default_value", "boolean");
        boolean missing = value instanceof Undefined || (bound.flag("boolean") && !ValueKinds.truth(value));
        return missing ? bound.or("default_value", "") : value;
    }

    private static Object attribute(Object value, Arguments in, Run run) {
        return Lookup.attribute(
                value, in.bind(run, "the filter \"attr\"", "name").text("name"), run);
    }
}
