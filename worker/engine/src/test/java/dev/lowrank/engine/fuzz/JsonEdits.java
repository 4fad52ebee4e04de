package dev.lowrank.engine.fuzz;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Changes a JSON document in ways its readers must expect: values of another type, keys twice, far too many of them. */
final class JsonEdits {
    private static final int MOST_NODES = 20_000;

    private static final List<String> ATOMS = List.of(
            "null",
            "true",
            "false",
            "0",
            "-1",
            "1",
            "2",
            "-0",
            "0.5",
            "-0.0",
            "1.0",
            "1e-320",
            "1e308",
            "1e999",
            "1e1000000000",
            "255",
            "65536",
            "16777216",
            "2147483647",
            "2147483648",
            "-2147483648",
            "4294967296",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775808",
            "18446744073709551615",
            "123456789012345678901234567890",
            "9".repeat(390),
            "NaN",
            "Infinity",
            "01",
            ".5",
            "\"\"",
            "\" \"",
            "\"\\u0000\"",
            "\"\\ud800\"",
            "\"a\\nb\\u001b[2J\"",
            "\"\\ud83d\\udea2\"",
            "\"" + "x".repeat(300) + "\"",
            "\"" + "x".repeat(5000) + "\"",
            "[]",
            "{}",
            "[[]]",
            "[null]",
            "[0]",
            "[\"\"]",
            "{\"\":null}",
            "[".repeat(63) + "]".repeat(63),
            "[".repeat(70) + "]".repeat(70),
            "{\"a\":".repeat(70) + "1" + "}".repeat(70),
            "//",
            "undefined",
            "\"");

    /** A value; objects keep keys that stand twice, and any text can stand where a value belongs. */
    sealed interface Value {
        record Entry(String key, Value value) {}

        record Map(List<Entry> entries) implements Value {}

        record Series(List<Value> values) implements Value {}

        record Text(String text) implements Value {}

        record Raw(String json) implements Value {}
    }

    private final Choices choices;
    private final List<String> words = new ArrayList<>();
    private final List<Value> all = new ArrayList<>();
    private int nodes;

    private JsonEdits(Choices choices) {
        this.choices = choices;
    }

    /** The document with some changes; as it is where it is no JSON. */
    static byte[] edit(byte[] document, Choices choices) {
        JsonNode node;
        try {
            node = JsonMapper.shared().readTree(document);
        } catch (JacksonException e) {
            return ByteEdits.edit(document, choices);
        }
        JsonEdits edits = new JsonEdits(choices);
        Value value = edits.copy(node);
        for (int changes = choices.oneIn(2) ? 1 + choices.below(5) : 1; changes > 0; changes--) {
            edits.all.clear();
            edits.collect(value);
            value = edits.change(value);
        }
        StringBuilder out = new StringBuilder();
        edits.write(value, out);
        byte[] bytes = out.toString().getBytes(StandardCharsets.UTF_8);
        return choices.oneIn(16) ? ByteEdits.edit(bytes, choices) : bytes;
    }

    private Value copy(JsonNode node) {
        if (node.isObject()) {
            List<Value.Entry> entries = new ArrayList<>();
            node.forEachEntry((name, value) -> {
                words.add(name);
                entries.add(new Value.Entry(name, copy(value)));
            });
            return new Value.Map(entries);
        }
        if (node.isArray()) {
            List<Value> values = new ArrayList<>();
            node.forEach(value -> values.add(copy(value)));
            return new Value.Series(values);
        }
        if (node.isString()) {
            words.add(node.stringValue());
            return new Value.Text(node.stringValue());
        }
        return new Value.Raw(node.toString());
    }

    private void collect(Value value) {
        all.add(value);
        switch (value) {
            case Value.Map map -> map.entries().forEach(entry -> collect(entry.value()));
            case Value.Series series -> series.values().forEach(this::collect);
            case Value.Text text -> {} // a leaf
            case Value.Raw raw -> {} // a leaf
        }
    }

    private Value change(Value root) {
        Value place = choices.of(all);
        return switch (place) {
            case Value.Map map
            when !map.entries().isEmpty() -> {
                changeMap(map.entries());
                yield root;
            }
            case Value.Series series
            when !series.values().isEmpty() -> {
                changeSeries(series.values());
                yield root;
            }
            default -> replaced(root, place, value(place));
        };
    }

    private void changeMap(List<Value.Entry> entries) {
        int at = choices.below(entries.size());
        Value.Entry entry = entries.get(at);
        switch (choices.below(8)) {
            case 0 -> entries.remove(at);
            case 1 -> entries.add(new Value.Entry(entry.key(), value(entry.value())));
            case 2 -> entries.set(at, new Value.Entry(word(), entry.value()));
            case 3 -> entries.add(at, new Value.Entry(word(), value(null)));
            case 4 -> {
                for (int i = Math.min(size(), MOST_NODES / count(entry.value())); i > 0; i--) {
                    entries.add(new Value.Entry(entry.key() + i, twin(entry.value())));
                }
            }
            default -> entries.set(at, new Value.Entry(entry.key(), value(entry.value())));
        }
    }

    private void changeSeries(List<Value> values) {
        int at = choices.below(values.size());
        switch (choices.below(6)) {
            case 0 -> values.remove(at);
            case 1 -> values.add(at, value(null));
            case 2 -> {
                for (int i = Math.min(size(), MOST_NODES / count(values.get(at))); i > 0; i--) {
                    values.add(twin(values.get(at)));
                }
            }
            case 3 -> values.subList(at, values.size()).clear();
            default -> values.set(at, value(values.get(at)));
        }
    }

    private int size() {
        return choices.of(List.of(1, 2, 3, 8, 40, 300, 3000));
    }

    /** Something to stand in a value's place; nothing in it is shared with the document. */
    private Value value(@Nullable Value old) {
        return twin(made(old));
    }

    private Value made(@Nullable Value old) {
        return switch (choices.below(8)) {
            case 0, 1 -> new Value.Raw(choices.of(ATOMS));
            case 2 -> new Value.Raw(Long.toString(choices.number()));
            case 3 -> new Value.Text(word());
            case 4 -> choices.of(all);
            case 5 -> old == null ? new Value.Series(List.of()) : new Value.Series(new ArrayList<>(List.of(old)));
            case 6 -> near(old);
            default ->
                new Value.Map(
                        new ArrayList<>(List.of(new Value.Entry(word(), old == null ? new Value.Text(word()) : old))));
        };
    }

    private Value near(@Nullable Value old) {
        return switch (old) {
            case Value.Raw(String json)
            when json.matches("-?\\d{1,18}") -> {
                long number = Long.parseLong(json);
                yield new Value.Raw(
                        Long.toString(choices.of(List.of(number + 1, number - 1, -number, number * 2, number << 16))));
            }
            case Value.Text(String text) -> {
                int at = choices.below(text.length() + 1);
                yield new Value.Text(text.substring(0, at) + choices.text() + text.substring(at));
            }
            case null, default -> new Value.Text(choices.text());
        };
    }

    /** A copy of its own: a value that held itself could not be written. */
    private static Value twin(Value value) {
        return switch (value) {
            case Value.Map(List<Value.Entry> entries) ->
                new Value.Map(new ArrayList<>(entries.stream()
                        .map(entry -> new Value.Entry(entry.key(), twin(entry.value())))
                        .toList()));
            case Value.Series(List<Value> values) ->
                new Value.Series(
                        new ArrayList<>(values.stream().map(JsonEdits::twin).toList()));
            case Value.Text(String text) -> new Value.Text(text);
            case Value.Raw(String json) -> new Value.Raw(json);
        };
    }

    private static int count(Value value) {
        return switch (value) {
            case Value.Map(List<Value.Entry> entries) ->
                1 + entries.stream().mapToInt(entry -> count(entry.value())).sum();
            case Value.Series(List<Value> values) ->
                1 + values.stream().mapToInt(JsonEdits::count).sum();
            case Value.Text text -> 1;
            case Value.Raw raw -> 1;
        };
    }

    private String word() {
        return words.isEmpty() || choices.oneIn(3) ? choices.text() : choices.of(words);
    }

    // Each value is an object of its own, and equal ones must not all change.
    @SuppressWarnings("ReferenceEquality")
    private static Value replaced(Value root, Value old, Value with) {
        if (root == old) {
            return with;
        }
        switch (root) {
            case Value.Map map ->
                map.entries().replaceAll(entry -> new Value.Entry(entry.key(), replaced(entry.value(), old, with)));
            case Value.Series series -> series.values().replaceAll(value -> replaced(value, old, with));
            case Value.Text text -> {} // a leaf
            case Value.Raw raw -> {} // a leaf
        }
        return root;
    }

    private void write(Value value, StringBuilder out) {
        if (++nodes > MOST_NODES) {
            out.append("null");
            return;
        }
        switch (value) {
            case Value.Map map -> {
                out.append('{');
                for (Value.Entry entry : map.entries()) {
                    comma(out, '{');
                    quote(entry.key(), out);
                    out.append(':');
                    write(entry.value(), out);
                }
                out.append('}');
            }
            case Value.Series series -> {
                out.append('[');
                for (Value element : series.values()) {
                    comma(out, '[');
                    write(element, out);
                }
                out.append(']');
            }
            case Value.Text(String text) -> quote(text, out);
            case Value.Raw(String json) -> out.append(json);
        }
    }

    private static void comma(StringBuilder out, char open) {
        if (out.charAt(out.length() - 1) != open) {
            out.append(',');
        }
    }

    private static void quote(String text, StringBuilder out) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '"' || c == '\\') {
                out.append('\\').append(c);
            } else if (c < 0x20 || Character.isSurrogate(c)) {
                out.append("\\u%04x".formatted((int) c));
            } else {
                out.append(c);
            }
        }
        out.append('"');
    }
}
