package dev.lowrank.engine.data;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Reads ShareGPT's conversations: {@code from} says who speaks, {@code value} what. */
final class ShareGptRows {
    private static final Map<String, String> ROLES = new TreeMap<>(Map.ofEntries(
            Map.entry("human", "user"),
            Map.entry("user", "user"),
            Map.entry("gpt", "assistant"),
            Map.entry("chatgpt", "assistant"),
            Map.entry("assistant", "assistant"),
            Map.entry("model", "assistant"),
            Map.entry("system", "system"),
            Map.entry("tool", "tool"),
            Map.entry("observation", "tool"),
            Map.entry("function_response", "tool"),
            Map.entry("tool_response", "tool")));
    private static final String CALL = "function_call";
    private static final String FIELD = "conversations";

    private ShareGptRows() {}

    static Row.Chat read(JsonNode row) {
        JsonNode turns = row.path(FIELD);
        if (!turns.isArray() || turns.isEmpty()) {
            throw new RowException(
                    FIELD,
                    "is %s; write a list of turns {\"from\", \"value\"}."
                            .formatted(turns.isArray() ? "empty" : Values.kind(turns)));
        }
        List<Map<String, Object>> messages = new ArrayList<>(turns.size() + 1);
        system(row).ifPresent(messages::add);
        if (turns.get(0).has("role")) {
            messages.addAll(ChatRows.messages(turns, FIELD));
        } else {
            for (int i = 0; i < turns.size(); i++) {
                messages.add(turn(turns.get(i), "%s[%d]".formatted(FIELD, i)));
            }
        }
        return new Row.Chat(messages, ChatRows.tools(row), 0);
    }

    private static Optional<Map<String, Object>> system(JsonNode row) {
        if (!row.hasNonNull("system")) {
            return Optional.empty();
        }
        String text = PlainRows.text(row, "system");
        return text.isEmpty() ? Optional.empty() : Optional.of(message("system", text));
    }

    private static Map<String, Object> turn(JsonNode turn, String path) {
        if (!turn.isObject()) {
            throw new RowException(
                    path, "is %s; write an object with \"from\" and \"value\".".formatted(Values.kind(turn)));
        }
        JsonNode from = turn.path("from");
        JsonNode value = turn.path("value");
        if (!value.isString()) {
            throw new RowException(path + ".value", "is %s; write a string.".formatted(Values.kind(value)));
        }
        if (from.isString() && from.stringValue().equals(CALL)) {
            return call(value.stringValue(), path + ".value");
        }
        String role = from.isString() ? ROLES.get(from.stringValue()) : null;
        if (role == null) {
            throw new RowException(
                    path + ".from",
                    "is %s; use one of %s, %s."
                            .formatted(
                                    from.isMissingNode() ? "missing" : Values.shown(from),
                                    String.join(", ", ROLES.keySet()),
                                    CALL));
        }
        Map<String, Object> message = message(role, value.stringValue());
        ChatRows.checkWeight(turn, path, role);
        if (turn.hasNonNull("weight")) {
            message.put("weight", turn.get("weight").numberValue());
        }
        return message;
    }

    /** A call that the assistant makes, as LLaMA-Factory writes it: JSON in the value. */
    @SuppressWarnings("NullAway") // a call has no content, and templates must see that it is null
    private static Map<String, Object> call(String value, String path) {
        JsonNode call = JsonText.readQuietly(value);
        if (call == null
                || !call.path("name").isString()
                || !call.path("arguments").isObject()) {
            throw new RowException(
                    path,
                    "is not a call; write {\"name\": …, \"arguments\": {…}} as JSON, or make the turn one of \"gpt\".");
        }
        Map<String, Object> message = message("assistant", null);
        Map<String, Object> fields = new LinkedHashMap<>(); // in the order in which a template may print them
        fields.put("type", "function");
        fields.put("function", Values.map(call));
        message.put("tool_calls", List.of(fields));
        return message;
    }

    @SuppressWarnings("NullAway") // likewise
    static Map<String, Object> message(String role, @Nullable String content) {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("role", role);
        message.put("content", content);
        return message;
    }
}
