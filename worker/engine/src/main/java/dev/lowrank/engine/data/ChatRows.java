package dev.lowrank.engine.data;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Reads conversations, by the rules of the OpenAI fine-tuning API. */
final class ChatRows {
    private static final List<String> ROLES = List.of("system", "user", "assistant", "tool", "developer", "function");
    private static final Set<String> CALLS = Set.of("tool_calls", "function_call");

    private ChatRows() {}

    static Row.Chat read(JsonNode row) {
        JsonNode messages = row.path("messages");
        if (!messages.isArray()) {
            throw new RowException("messages", "is %s; write a list of messages.".formatted(Values.kind(messages)));
        }
        if (messages.isEmpty()) {
            throw new RowException("messages", "is empty; write at least a user and an assistant message.");
        }
        List<Map<String, Object>> read = new ArrayList<>(messages.size());
        for (int i = 0; i < messages.size(); i++) {
            checkMessage(messages.get(i), "messages[" + i + "]");
            read.add(Values.map(messages.get(i)));
        }
        return new Row.Chat(read, tools(row));
    }

    private static @Nullable List<?> tools(JsonNode row) {
        JsonNode tools = row.get("tools");
        if (tools == null || tools.isNull()) {
            return null;
        }
        if (!tools.isArray()) {
            throw new RowException("tools", "is %s; write a list of tools or drop it.".formatted(Values.kind(tools)));
        }
        for (int i = 0; i < tools.size(); i++) {
            if (!tools.get(i).isObject()) {
                throw new RowException(
                        "tools[%d]".formatted(i),
                        "is %s; write an object with \"type\" and \"function\".".formatted(Values.kind(tools.get(i))));
            }
        }
        return Values.list(tools);
    }

    private static void checkMessage(JsonNode message, String path) {
        if (!message.isObject()) {
            throw new RowException(
                    path, "is %s; write an object with \"role\" and \"content\".".formatted(Values.kind(message)));
        }
        String role = role(message, path);
        checkContent(message, path, role);
        checkCalls(message, path, role);
        checkWeight(message, path, role);
        JsonNode name = message.path("name");
        if (!name.isMissingNode() && !name.isNull() && !name.isString()) {
            throw new RowException(path + ".name", "is %s; write a string.".formatted(Values.kind(name)));
        }
    }

    private static String role(JsonNode message, String path) {
        JsonNode role = message.path("role");
        if (role.isString() && ROLES.contains(role.stringValue())) {
            return role.stringValue();
        }
        throw new RowException(
                path + ".role",
                "is %s; use one of %s."
                        .formatted(role.isMissingNode() ? "missing" : Values.shown(role), String.join(", ", ROLES)));
    }

    private static void checkContent(JsonNode message, String path, String role) {
        JsonNode content = message.path("content");
        if (content.isString()) {
            return;
        }
        if (content.isArray()) {
            checkParts(content, path + ".content");
            return;
        }
        boolean absent = content.isMissingNode() || content.isNull();
        if (!absent) {
            throw new RowException(
                    path + ".content",
                    "is %s; write a string or a list of content parts.".formatted(Values.kind(content)));
        }
        if (!role.equals("assistant")) {
            throw new RowException(path + ".content", "is %s; write a string.".formatted(Values.kind(content)));
        }
        if (CALLS.stream().noneMatch(message::hasNonNull)) {
            throw new RowException(path, "has neither content nor tool_calls; add what the assistant shall answer.");
        }
    }

    private static void checkParts(JsonNode parts, String path) {
        if (parts.isEmpty()) {
            throw new RowException(path, "is an empty list; write a string or at least one part.");
        }
        for (int i = 0; i < parts.size(); i++) {
            JsonNode part = parts.get(i);
            if (!part.isObject() || !part.path("type").isString()) {
                throw new RowException(
                        "%s[%d]".formatted(path, i),
                        "is not a content part; write {\"type\": \"text\", \"text\": …} or make the content a string.");
            }
            if (part.path("type").stringValue().equals("text")
                    && !part.path("text").isString()) {
                throw new RowException(
                        "%s[%d].text".formatted(path, i),
                        "is %s; write a string.".formatted(Values.kind(part.path("text"))));
            }
        }
    }

    private static void checkCalls(JsonNode message, String path, String role) {
        JsonNode calls = message.path("tool_calls");
        if (calls.isMissingNode() || calls.isNull()) {
            return;
        }
        if (!role.equals("assistant")) {
            throw new RowException(
                    path + ".tool_calls", "stands on a %s message; only the assistant calls tools.".formatted(role));
        }
        if (!calls.isArray() || calls.isEmpty()) {
            throw new RowException(
                    path + ".tool_calls",
                    "is %s; write a list of calls or drop it."
                            .formatted(calls.isArray() ? "an empty list" : Values.kind(calls)));
        }
        for (int i = 0; i < calls.size(); i++) {
            if (!calls.get(i).isObject()) {
                throw new RowException(
                        "%s.tool_calls[%d]".formatted(path, i),
                        "is %s; write an object with \"id\", \"type\" and \"function\"."
                                .formatted(Values.kind(calls.get(i))));
            }
        }
    }

    private static void checkWeight(JsonNode message, String path, String role) {
        JsonNode weight = message.path("weight");
        if (weight.isMissingNode() || weight.isNull()) {
            return;
        }
        if (!role.equals("assistant")) {
            throw new RowException(
                    path + ".weight",
                    "stands on a %s message; only assistant messages carry loss, so remove it.".formatted(role));
        }
        if (!weight.isNumber() || (weight.doubleValue() != 0 && weight.doubleValue() != 1)) {
            throw new RowException(
                    path + ".weight",
                    "is %s; write 1 (learn this answer) or 0 (only context).".formatted(Values.shown(weight)));
        }
    }
}
