package dev.lowrank.engine.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Values as Python's {@code json.dumps} writes them.
 *
 * @param indent what each level is indented by, or null for one line
 */
record Json(boolean ascii, @Nullable String indent, String itemSeparator, String keySeparator, boolean sorted) {
    static Object filter(Object value, Arguments arguments, Run run) {
        Arguments.Bound bound =
                arguments.bind(run, "the filter \"tojson\"", "ensure_ascii", "indent", "separators", "sort_keys");
        String indent = indent(bound, run);
        String item = indent == null ? ", " : ",";
        String key = ": ";
        if (bound.value("separators") != null) {
            List<Object> separators = Sequences.list(bound.required("separators"), run);
            if (separators.size() != 2) {
                throw run.fail("the filter \"tojson\" needs two texts as \"separators\".");
            }
            item = PythonText.str(separators.getFirst(), run);
            key = PythonText.str(separators.getLast(), run);
        }
        Json json = new Json(bound.flag("ensure_ascii"), indent, item, key, bound.flag("sort_keys"));
        Sink out = new Sink(run);
        json.write(value, out, 0, run);
        return out.toString();
    }

    private static @Nullable String indent(Arguments.Bound bound, Run run) {
        Object indent = bound.value("indent");
        if (indent == null || indent instanceof String) {
            return (String) indent;
        }
        long spaces = Math.max(0, bound.integer("indent", 0));
        run.text(spaces);
        return " ".repeat((int) spaces);
    }

    private void write(Object value, Sink out, int depth, Run run) {
        run.step(1);
        if (depth > Limits.VALUE_DEPTH) {
            throw run.fail("a value for \"tojson\" is more than %d levels deep; build a flatter one."
                    .formatted(Limits.VALUE_DEPTH));
        }
        switch (value) {
            case None none -> out.add("null");
            case Boolean flag -> out.add(flag ? "true" : "false");
            case Long number -> out.add(number.toString());
            case BigInteger number -> out.add(number.toString());
            case Double number -> out.add(real(number));
            case String text -> quote(text, out, run);
            case Markup markup -> quote(markup.text(), out, run);
            case Range range -> throw refused(range, run);
            case List<?> list -> list(list, out, depth, run);
            case Map<?, ?> map -> map(map, out, depth, run);
            case Undefined undefined -> throw undefined.used(run);
            default -> throw refused(value, run);
        }
    }

    private static TemplateException refused(Object value, Run run) {
        return run.fail("%s cannot be written as JSON; add |list before |tojson where it is a row of elements."
                .formatted(ValueKinds.described(value)));
    }

    private static String real(double number) {
        if (Double.isNaN(number)) {
            return "NaN";
        }
        return Double.isInfinite(number) ? (number > 0 ? "Infinity" : "-Infinity") : PythonText.real(number);
    }

    private void list(List<?> list, Sink out, int depth, Run run) {
        if (list.isEmpty()) {
            out.add("[]");
            return;
        }
        out.add("[");
        String separator = "";
        for (Object item : list) {
            out.add(separator);
            newLine(out, depth + 1);
            write(item, out, depth + 1, run);
            separator = itemSeparator;
        }
        newLine(out, depth);
        out.add("]");
    }

    private void map(Map<?, ?> map, Sink out, int depth, Run run) {
        if (map.isEmpty()) {
            out.add("{}");
            return;
        }
        out.add("{");
        String separator = "";
        for (Map.Entry<Object, Object> entry : entries(map, run)) {
            out.add(separator);
            newLine(out, depth + 1);
            quote(key(entry.getKey()), out, run);
            out.add(keySeparator);
            write(entry.getValue(), out, depth + 1, run);
            separator = itemSeparator;
        }
        newLine(out, depth);
        out.add("}");
    }

    private List<Map.Entry<Object, Object>> entries(Map<?, ?> map, Run run) {
        List<Map.Entry<Object, Object>> entries =
                new ArrayList<>(Sequences.entries(map).entrySet());
        if (sorted) {
            entries.sort((a, b) -> Operators.compare(a.getKey(), b.getKey(), run));
        }
        return entries;
    }

    private static String key(Object key) {
        return switch (key) {
            case None none -> "null";
            case Boolean flag -> flag ? "true" : "false";
            case Double number -> real(number);
            default -> key.toString();
        };
    }

    private void newLine(Sink out, int depth) {
        if (indent != null) {
            out.add("\n");
            for (int i = 0; i < depth; i++) {
                out.add(indent);
            }
        }
    }

    private void quote(String text, Sink out, Run run) {
        run.text(text.length());
        StringBuilder quoted = new StringBuilder(text.length() + 2).append('"');
        for (int i = 0; i < text.length(); i++) {
            escape(text.charAt(i), quoted);
        }
        out.add(quoted.append('"').toString());
    }

    private void escape(char c, StringBuilder out) {
        switch (c) {
            case '"' -> out.append("\\\"");
            case '\\' -> out.append("\\\\");
            case '\n' -> out.append("\\n");
            case '\r' -> out.append("\\r");
            case '\t' -> out.append("\\t");
            case '\f' -> out.append("\\f");
            case '\b' -> out.append("\\b");
            default -> {
                if (c < 0x20 || (ascii && c > 0x7e)) {
                    out.append("\\u%04x".formatted((int) c));
                } else {
                    out.append(c);
                }
            }
        }
    }
}
