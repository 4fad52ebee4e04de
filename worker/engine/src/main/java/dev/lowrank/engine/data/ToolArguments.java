package dev.lowrank.engine.data;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The arguments of tool calls. OpenAI writes them as a string of JSON; transformers gives its templates an object. A
 * template that can only put strings together must be given the string.
 */
final class ToolArguments {
    private static final String PROBE = "lowrank_probe";

    private ToolArguments() {}

    /** Whether a text is a JSON object; the empty text stands for one without entries. */
    static boolean isObject(String text) {
        JsonNode value = read(text);
        return value != null && value.isObject();
    }

    private static @Nullable JsonNode read(String text) {
        return JsonText.readQuietly(text.isBlank() ? "{}" : text);
    }

    /** The messages with every argument string that is a JSON object as that object; the same list if there is none. */
    static List<Map<String, Object>> asObjects(List<Map<String, Object>> messages) {
        if (messages.stream().noneMatch(message -> message.get("tool_calls") instanceof List<?>)) {
            return messages;
        }
        List<Map<String, Object>> read = new ArrayList<>(messages.size());
        messages.forEach(message -> read.add(replaced(message, "tool_calls", ToolArguments::calls)));
        return read;
    }

    private static Object calls(Object calls) {
        return calls instanceof List<?> list
                ? list.stream().map(ToolArguments::call).toList()
                : calls;
    }

    private static Object call(@Nullable Object call) {
        Map<String, Object> fields = fields(call);
        return fields == null
                ? String.valueOf(call)
                : replaced(
                        replaced(fields, "arguments", ToolArguments::arguments), "function", ToolArguments::function);
    }

    private static Object function(Object function) {
        Map<String, Object> fields = fields(function);
        return fields == null ? function : replaced(fields, "arguments", ToolArguments::arguments);
    }

    private static Object arguments(Object arguments) {
        JsonNode read = arguments instanceof String text ? read(text) : null;
        return read != null && read.isObject() ? Values.map(read) : arguments;
    }

    @SuppressWarnings("unchecked") // maps made from JSON have strings as keys
    private static @Nullable Map<String, Object> fields(@Nullable Object value) {
        return value instanceof Map<?, ?> map ? (Map<String, Object>) map : null;
    }

    private interface Change {
        Object of(Object value);
    }

    private static Map<String, Object> replaced(Map<String, Object> fields, String name, Change change) {
        Object value = fields.get(name);
        if (value == null) {
            return fields;
        }
        Map<String, Object> copy = new LinkedHashMap<>(fields);
        copy.put(name, change.of(value));
        return copy;
    }

    /**
     * Whether a template wants arguments as text: given an object it fails, or writes it as Python would print it.
     *
     * @param template writes these messages
     */
    static boolean wantedAsText(ChatRenderer template) {
        String object = written(template, Map.of(PROBE, "1"));
        if (object != null && !object.contains("{'" + PROBE + "': '1'}")) {
            return false;
        }
        String text = written(template, "{\"%s\": \"1\"}".formatted(PROBE));
        return text != null && text.contains("{\"%s\": \"1\"}".formatted(PROBE));
    }

    private static @Nullable String written(ChatRenderer template, Object arguments) {
        // Some templates insist on an id of nine letters and digits, some on content beside a call.
        Map<String, Object> call = Map.of(
                "id", "call00001", "type", "function", "function", Map.of("name", "probe", "arguments", arguments));
        try {
            return template.render(
                    List.of(
                            Map.of("role", "user", "content", "probe"),
                            Map.of("role", "assistant", "content", "", "tool_calls", List.of(call))),
                    null,
                    false);
        } catch (RuntimeException e) {
            return null;
        }
    }
}
