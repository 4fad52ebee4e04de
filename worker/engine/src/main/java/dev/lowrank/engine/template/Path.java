package dev.lowrank.engine.template;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The way to a value inside an element, as in {@code map(attribute="function.name")}. */
record Path(List<Object> steps) {
    static Path to(@Nullable Object attribute, Run run) {
        if (attribute == null) {
            return new Path(List.of());
        }
        if (!Operators.isText(attribute)) {
            return new Path(List.of(attribute));
        }
        List<Object> steps = new ArrayList<>();
        for (String part : PythonText.str(attribute, run).split("\\.", -1)) {
            boolean number =
                    !part.isEmpty() && part.length() < 10 && part.chars().allMatch(c -> c >= '0' && c <= '9');
            steps.add(number ? (Object) Long.valueOf(part) : part);
        }
        return new Path(steps);
    }

    /** Several ways with commas between. */
    static List<Path> several(@Nullable Object attribute, Run run) {
        if (attribute == null || !Operators.isText(attribute)) {
            return List.of(to(attribute, run));
        }
        List<Path> paths = new ArrayList<>();
        for (String part : PythonText.str(attribute, run).split(",", -1)) {
            paths.add(to(part, run));
        }
        return paths;
    }

    Object of(Object item, Run run) {
        return of(item, null, run);
    }

    /** @param otherwise what stands for a missing value, or null to leave it missing */
    Object of(Object item, @Nullable Object otherwise, Run run) {
        Object value = item;
        for (Object step : steps) {
            value = Lookup.item(value, step, run);
            if (otherwise != null && value instanceof Undefined) {
                value = otherwise;
            }
        }
        return value;
    }
}
