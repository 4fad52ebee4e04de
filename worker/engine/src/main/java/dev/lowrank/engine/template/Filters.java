package dev.lowrank.engine.template;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;

/** The filters behind {@code |}, by name. */
final class Filters {
    /** A filter: the value, what is passed besides, the run. */
    interface Filter {
        Object apply(Object value, Arguments arguments, Run run);
    }

    private static final Map<String, Filter> FILTERS = all();

    private Filters() {}

    private static Map<String, Filter> all() {
        Map<String, Filter> filters = new HashMap<>(TextFilters.BY_NAME);
        filters.putAll(SequenceFilters.BY_NAME);
        filters.putAll(NumberFilters.BY_NAME);
        filters.put("tojson", Json::filter);
        return Map.copyOf(filters);
    }

    static boolean isKnown(String name) {
        return FILTERS.containsKey(name);
    }

    static Object apply(String name, Object value, Arguments arguments, Run run) {
        Filter filter = FILTERS.get(name);
        if (filter == null) {
            throw run.fail(unknown(name));
        }
        return filter.apply(value, arguments, run);
    }

    static String unknown(String name) {
        return "there is no filter \"%s\"; known are %s."
                .formatted(name, String.join(", ", new TreeSet<>(FILTERS.keySet())));
    }
}
