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
        return new Row.Chat(messages(row.path("messages"), "messages"), tools(row), 0);
    }

    /** @param path what the list is called in the row */
    static List<Map<String, Object>> messages(JsonNode messages, String path) {
        if (!messages.isArray()) {
            throw new RowException(path, "is %s; write a list of messages.".formatted(Values.kind(messages)));
        }
        if (messages.isEmpty()) {
            throw new RowException(path, "is empty; write at least one message.");
        }
        List<Map<String, Object>> read = new ArrayList<>(messages.size());
        for (int i = 0; i < messages.size(); i++) {
            checkMessage(messages.get(i), "%s[%d]".formatted(path, i));
            read.add(Values.map(messages.get(i)));
        }
        return read;
    }

    /** The row's tools, or null; also checks what else it says of them. */
    static @Nullable List<?> tools(JsonNode row) {
        JsonNode parallel = row.path("parallel_tool_calls");
        if (!parallel.isMissingNode() && !parallel.isNull() && !parallel.isBoolean()) {
            throw new RowException(
                    "parallel_tool_calls", "is %s; write true or false.".formatted(Values.shown(parallel)));
        }
        JsonNode tools = row.get("tools");
        if (tools == null || tools.isNull()) {
            return null;
        }
        if (tools.isString()) {
            // Tables hold tools as JSON, because no two tools have the same columns.
            JsonNode read = JsonText.readQuietly(tools.stringValue());
            tools = read == null ? tools : read;
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
        if (CALLS.stream().allMatch(field -> isNone(message.path(field)))) {
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
        if (isNone(calls)) {
            return;
        }
        if (!role.equals("assistant")) {
            throw new RowException(
                    path + ".tool_calls", "stands on a %s message; only the assistant calls tools.".formatted(role));
        }
        if (!calls.isArray()) {
            throw new RowException(
                    path + ".tool_calls", "is %s; write a list of calls or drop it.".formatted(Values.kind(calls)));
        }
        for (int i = 0; i < calls.size(); i++) {
            checkCall(calls.get(i), "%s.tool_calls[%d]".formatted(path, i));
        }
    }

    /** Tables have a list in every message: the empty one is none. */
    private static boolean isNone(JsonNode calls) {
        return calls.isMissingNode() || calls.isNull() || (calls.isArray() && calls.isEmpty());
    }

    private static void checkCall(JsonNode call, String path) {
        if (!call.isObject()) {
            throw new RowException(
                    path,
                    "is %s; write an object with \"id\", \"type\" and \"function\".".formatted(Values.kind(call)));
        }
        // Templates of transformers also take the function itself as the call.
        JsonNode function = call.has("function") || !call.has("name") ? call.path("function") : call;
        if (!function.isObject() || !function.path("name").isString()) {
            throw new RowException(
                    path + ".function",
                    "has no name; write {\"name\": …, \"arguments\": …} with the function's name as a string.");
        }
        JsonNode arguments = function.path("arguments");
        if (arguments.isMissingNode() || arguments.isNull() || arguments.isObject()) {
            return;
        }
        if (!arguments.isString() || !ToolArguments.isObject(arguments.stringValue())) {
            throw new RowException(
                    path + (function == call ? ".arguments" : ".function.arguments"),
                    "is %s; write a JSON object, or one as a string (\"{\\\"city\\\": \\\"Rome\\\"}\")."
                            .formatted(arguments.isString() ? "not a JSON object" : Values.kind(arguments)));
        }
    }

    static void checkWeight(JsonNode message, String path, String role) {
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
