package dev.lowrank.engine.data;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** Reads pairs of a better and a worse answer, in OpenAI's form, in TRL's forms, or as token ids. */
final class PreferenceRows {
    private static final String CHOSEN = "chosen";
    private static final String REJECTED = "rejected";
    private static final String PREFERRED = "preferred_output";
    private static final String NOT_PREFERRED = "non_preferred_output";

    private PreferenceRows() {}

    static boolean isOne(JsonNode row) {
        return row.has(CHOSEN) || row.has(REJECTED) || row.has(PREFERRED) || row.has(NOT_PREFERRED);
    }

    static Row.Pair read(JsonNode row) {
        return row.has(PREFERRED) || row.has(NOT_PREFERRED) ? openAi(row) : trl(row);
    }

    private static Row.Pair openAi(JsonNode row) {
        JsonNode input = row.path("input");
        if (!input.isObject()) {
            throw new RowException("input", "is %s; write an object with \"messages\".".formatted(Values.kind(input)));
        }
        JsonNode chosen = required(row, PREFERRED);
        JsonNode rejected = required(row, NOT_PREFERRED);
        checkDiffer(chosen, rejected, NOT_PREFERRED, PREFERRED);
        List<Map<String, Object>> prompt = ChatRows.messages(input.path("messages"), "input.messages");
        List<?> tools = ChatRows.tools(input);
        return new Row.Pair(
                answered(prompt, chosen, PREFERRED, tools), answered(prompt, rejected, NOT_PREFERRED, tools));
    }

    private static Row.Pair trl(JsonNode row) {
        JsonNode chosen = required(row, CHOSEN);
        JsonNode rejected = required(row, REJECTED);
        if (chosen.getNodeType() != rejected.getNodeType()) {
            throw new RowException(
                    REJECTED,
                    "is %s, but chosen is %s; write both alike.".formatted(Values.kind(rejected), Values.kind(chosen)));
        }
        checkDiffer(chosen, rejected, REJECTED, CHOSEN);
        if (chosen.isObject()) {
            return new Row.Pair(tokenized(chosen, CHOSEN), tokenized(rejected, REJECTED));
        }
        if (chosen.isString()) {
            return texts(row, chosen.stringValue(), rejected.stringValue());
        }
        if (chosen.isArray()) {
            return conversations(row, chosen, rejected);
        }
        throw new RowException(
                CHOSEN,
                "is %s; write a string, a list of messages, or {\"input_ids\", \"labels\"}."
                        .formatted(Values.kind(chosen)));
    }

    private static JsonNode required(JsonNode row, String field) {
        JsonNode value = row.path(field);
        if (value.isMissingNode() || value.isNull()) {
            throw new RowException(field, "is %s; a pair needs both of its answers.".formatted(Values.kind(value)));
        }
        return value;
    }

    private static void checkDiffer(JsonNode chosen, JsonNode rejected, String field, String other) {
        if (chosen.equals(rejected)) {
            throw new RowException(
                    field,
                    "is the same as %s, so there is nothing to prefer; change one, or drop the row.".formatted(other));
        }
    }

    private static Row.Lesson tokenized(JsonNode side, String path) {
        try {
            return PlainRows.tokenized(side);
        } catch (RowException e) {
            throw e.under(path);
        }
    }

    private static Row.Pair texts(JsonNode row, String chosen, String rejected) {
        if (row.hasNonNull("prompt")) {
            if (!row.get("prompt").isString()) {
                throw new RowException(
                        "prompt",
                        "is %s, but chosen is a string; write all three as text or all as messages."
                                .formatted(Values.kind(row.get("prompt"))));
            }
            String prompt = row.get("prompt").stringValue();
            return new Row.Pair(answer(prompt, chosen, CHOSEN), answer(prompt, rejected, REJECTED));
        }
        int shared = sharedWords(chosen, rejected);
        String prompt = chosen.substring(0, shared);
        return new Row.Pair(
                answer(prompt, chosen.substring(shared), CHOSEN), answer(prompt, rejected.substring(shared), REJECTED));
    }

    private static Row.Completion answer(String prompt, String answer, String field) {
        if (answer.isEmpty()) {
            throw new RowException(
                    field, "has nothing to learn after what both answers share; write the answer, or drop the row.");
        }
        return new Row.Completion(prompt, answer);
    }

    /**
     * How much two texts share at their beginning, back to the last white space: a word, and the space before it, is one
     * token or several, and a prompt that ended inside of it would hide the difference.
     */
    private static int sharedWords(String a, String b) {
        int shared = 0;
        while (shared < Math.min(a.length(), b.length()) && a.charAt(shared) == b.charAt(shared)) {
            shared++;
        }
        while (shared > 0 && !Character.isWhitespace(a.charAt(shared - 1))) {
            shared--;
        }
        return Math.max(0, shared - 1);
    }

    private static Row.Pair conversations(JsonNode row, JsonNode chosen, JsonNode rejected) {
        if (row.path("prompt").isArray()) {
            List<Map<String, Object>> prompt = ChatRows.messages(row.get("prompt"), "prompt");
            return new Row.Pair(
                    answered(prompt, chosen, CHOSEN, ChatRows.tools(row)),
                    answered(prompt, rejected, REJECTED, ChatRows.tools(row)));
        }
        // A prompt that is text beside whole conversations repeats what they begin with.
        int shared = 0;
        while (shared < Math.min(chosen.size(), rejected.size())
                && chosen.get(shared).equals(rejected.get(shared))) {
            shared++;
        }
        return new Row.Pair(
                chat(ChatRows.messages(chosen, CHOSEN), ChatRows.tools(row), shared, CHOSEN),
                chat(ChatRows.messages(rejected, REJECTED), ChatRows.tools(row), shared, REJECTED));
    }

    private static Row.Chat answered(
            List<Map<String, Object>> prompt, JsonNode answer, String path, @Nullable List<?> tools) {
        List<Map<String, Object>> whole = new ArrayList<>(prompt);
        whole.addAll(ChatRows.messages(answer, path));
        return chat(whole, tools, prompt.size(), path);
    }

    private static Row.Chat chat(
            List<Map<String, Object>> messages, @Nullable List<?> tools, int context, String path) {
        Row.Chat chat = new Row.Chat(messages, tools, context);
        if (!chat.learnsAny()) {
            throw new RowException(
                    path, "has no assistant message to learn after what both answers share; add one, or drop the row.");
        }
        return chat;
    }
}
