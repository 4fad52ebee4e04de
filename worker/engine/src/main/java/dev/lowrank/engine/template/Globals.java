package dev.lowrank.engine.template;

import java.time.Clock;
import java.time.LocalDateTime;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Functions every template may call. */
final class Globals {
    private Globals() {}

    static Map<String, Object> functions(Clock clock) {
        return Map.of(
                "range", (Callable) Globals::range,
                "dict", (Callable) Globals::dict,
                "namespace", (Callable) Globals::namespace,
                "raise_exception", (Callable) Globals::raise,
                "strftime_now",
                        (Callable) (arguments, run) -> {
                            String format = arguments
                                    .bind(run, "strftime_now()", "format")
                                    .text("format");
                            return Strftime.format(format, LocalDateTime.now(clock), run);
                        });
    }

    private static Object range(Arguments arguments, Run run) {
        Arguments.Bound bound = arguments.bind(run, "range()", "start", "stop", "step");
        if (arguments.positional().size() < 2) {
            return Range.of(0, bound.requiredInteger("start"), 1, run);
        }
        return Range.of(bound.requiredInteger("start"), bound.requiredInteger("stop"), bound.integer("step", 1), run);
    }

    private static Map<Object, Object> dict(Arguments arguments, Run run) {
        Map<Object, Object> map = new LinkedHashMap<>();
        List<Object> positional = arguments.positional();
        if (positional.size() > 1) {
            throw run.fail(
                    "dict() takes at most one map or list of pairs, but gets %d values.".formatted(positional.size()));
        }
        if (!positional.isEmpty() && positional.getFirst() instanceof Map<?, ?> first) {
            run.elements(first.size());
            map.putAll(first);
        } else if (!positional.isEmpty()) {
            for (Object pair : Sequences.list(positional.getFirst(), run)) {
                List<Object> both = Sequences.list(pair, run);
                if (both.size() != 2) {
                    throw run.fail(
                            "dict() needs pairs of a key and a value, but gets %d values.".formatted(both.size()));
                }
                map.put(ContainerMethods.key(both.getFirst(), run), both.getLast());
            }
        }
        run.elements(arguments.named().size());
        map.putAll(arguments.named());
        return map;
    }

    private static Object namespace(Arguments arguments, Run run) {
        Namespace namespace = new Namespace();
        dict(arguments, run).forEach((name, value) -> namespace.set(PythonText.str(name, run), value));
        return namespace;
    }

    private static Object raise(Arguments arguments, Run run) {
        Object message = arguments.bind(run, "raise_exception()", "message").required("message");
        throw TemplateException.raisedBy(run.line(), PythonText.str(message, run));
    }
}
