package dev.lowrank.engine.evaluate;

import dev.lowrank.engine.generate.Assistant;
import dev.lowrank.engine.generate.Sampling;
import dev.lowrank.engine.spec.DataFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * A row as something to ask.
 *
 * @param messages of the conversation up to the answer; empty where the prompt is plain text to go on from
 * @param prompt the last message, or the text
 * @param expected the row's own answer
 */
public record Question(List<Map<String, Object>> messages, String prompt, String expected) {
    public Question {
        messages = List.copyOf(messages);
    }

    /** Whether rows of a format ask anything. */
    public static boolean asks(DataFormat format) {
        return format == DataFormat.CHAT || format == DataFormat.COMPLETION;
    }

    /** The last answer of a row and what came before it; null if the row has none in plain text. */
    public static @Nullable Question of(JsonNode row, DataFormat format) {
        if (format == DataFormat.COMPLETION) {
            String prompt = row.path("prompt").asString();
            return new Question(List.of(), prompt, row.path("completion").asString());
        }
        List<Map<String, Object>> before = new ArrayList<>();
        Question last = null;
        for (JsonNode message : row.path("messages")) {
            String role = message.path("role").asString();
            if (role.equals("assistant") && message.path("content").isString() && !before.isEmpty()) {
                last = new Question(
                        before,
                        String.valueOf(before.get(before.size() - 1).get("content")),
                        message.path("content").asString());
            }
            before.add(Map.of("role", role, "content", message.path("content").asString("")));
        }
        return last;
    }

    /** The most likely answer, of at most so many tokens. */
    public String ask(Assistant assistant, int most) {
        return messages.isEmpty()
                ? assistant.complete(prompt, Sampling.GREEDY, most)
                : assistant.answer(messages, Sampling.GREEDY, most);
    }
}
