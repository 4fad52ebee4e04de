package dev.lowrank.engine.template;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Filters that choose, change or group elements; most make each element only when it is asked for. */
final class ElementFilters {
    private ElementFilters() {}

    static Object map(Object value, Arguments in, Run run) {
        if (!ValueKinds.truth(value)) {
            return new Lazy(List.of().iterator());
        }
        if (in.positional().isEmpty()) {
            Arguments.Bound bound = in.bind(run, "the filter \"map\"", "attribute", "default");
            Path path = Path.to(bound.required("attribute"), run);
            Object otherwise = bound.value("default");
            return Sequences.map(value, item -> path.of(item, otherwise, run), run);
        }
        String filter = name("map", in.positional().getFirst(), run);
        Arguments rest = in.rest(1);
        UnaryOperator<Object> change = item -> Filters.apply(filter, item, rest, run);
        return Sequences.map(value, change, run);
    }

    private static String name(String filter, Object name, Run run) {
        if (!Operators.isText(name)) {
            throw run.fail("the filter \"%s\" needs the name of a filter or test in quotes.".formatted(filter));
        }
        return PythonText.str(name, run);
    }

    static Object select(Object value, Arguments in, boolean keep, Run run) {
        if (!ValueKinds.truth(value)) {
            return new Lazy(List.of().iterator());
        }
        Predicate<Object> test = test(in, run);
        return Sequences.filter(value, item -> test.test(item) == keep, run);
    }

    static Object selectAttribute(Object value, Arguments in, boolean keep, Run run) {
        if (!ValueKinds.truth(value)) {
            return new Lazy(List.of().iterator());
        }
        if (in.positional().isEmpty()) {
            throw run.fail("the filters \"selectattr\" and \"rejectattr\" need the name of an attribute.");
        }
        Path path = Path.to(in.positional().getFirst(), run);
        Predicate<Object> test = test(in.rest(1), run);
        return Sequences.filter(value, item -> test.test(path.of(item, run)) == keep, run);
    }

    private static Predicate<Object> test(Arguments in, Run run) {
        if (in.positional().isEmpty()) {
            return ValueKinds::truth;
        }
        String test = name("select", in.positional().getFirst(), run);
        Arguments rest = in.rest(1);
        return item -> Tests.holds(test, item, rest, run);
    }

    static Object unique(Object value, Arguments in, Run run) {
        Arguments.Bound bound = in.bind(run, "the filter \"unique\"", "case_sensitive", "attribute");
        Path path = Path.to(bound.value("attribute"), run);
        boolean exact = bound.flag("case_sensitive");
        Set<Object> seen = new HashSet<>();
        return Sequences.filter(
                value,
                item -> {
                    run.elements(1);
                    Object key = SequenceFilters.folded(path.of(item, run), exact);
                    return seen.add(key instanceof Undefined ? key : ContainerMethods.key(key, run));
                },
                run);
    }

    static Object batch(Object value, Arguments in, Run run) {
        Arguments.Bound bound = in.bind(run, "the filter \"batch\"", "linecount", "fill_with");
        long size = positive("batch", bound.requiredInteger("linecount"), run);
        List<Object> batches = new ArrayList<>();
        List<Object> batch = new ArrayList<>();
        for (Iterator<Object> items = Sequences.iterate(value, run); items.hasNext(); ) {
            run.elements(1);
            batch.add(items.next());
            if (batch.size() == size) {
                batches.add(batch);
                batch = new ArrayList<>();
            }
        }
        if (!batch.isEmpty()) {
            fill(batch, size, bound.value("fill_with"), run);
            batches.add(batch);
        }
        return new Lazy(batches.iterator());
    }

    private static long positive(String filter, long count, Run run) {
        if (count < 1) {
            throw run.fail("the filter \"%s\" needs a number above 0.".formatted(filter));
        }
        return count;
    }

    private static void fill(List<Object> list, long size, @Nullable Object with, Run run) {
        while (with != null && list.size() < size) {
            run.elements(1);
            list.add(with);
        }
    }

    static Object slice(Object value, Arguments in, Run run) {
        Arguments.Bound bound = in.bind(run, "the filter \"slice\"", "slices", "fill_with");
        long count = positive("slice", bound.requiredInteger("slices"), run);
        run.elements(count);
        List<Object> items = Sequences.list(value, run);
        long size = items.size() / count;
        long longer = items.size() % count;
        List<Object> slices = new ArrayList<>();
        int from = 0;
        for (long i = 0; i < count; i++) {
            int to = (int) (from + size + (i < longer ? 1 : 0));
            List<Object> slice = new ArrayList<>(items.subList(from, to));
            fill(slice, i < longer ? 0 : size + 1, bound.value("fill_with"), run);
            slices.add(slice);
            from = to;
        }
        return new Lazy(slices.iterator());
    }
}
