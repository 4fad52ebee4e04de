package dev.lowrank.engine.data;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One row as its author wrote it, checked. */
sealed interface Row {
    /** A row that is one example to learn from. */
    sealed interface Lesson extends Row {}

    /**
     * A conversation.
     *
     * @param messages as plain maps, with everything the row gave them
     * @param context how many messages at the beginning are never learned, whoever speaks in them
     */
    record Chat(
            List<Map<String, Object>> messages, @Nullable List<?> tools, int context) implements Lesson {
        boolean learns(int message) {
            Map<String, Object> fields = messages.get(message);
            return message >= context
                    && "assistant".equals(fields.get("role"))
                    && !(fields.get("weight") instanceof Number weight && weight.doubleValue() == 0);
        }

        boolean learnsAny() {
            for (int i = context; i < messages.size(); i++) {
                if (learns(i)) {
                    return true;
                }
            }
            return false;
        }
    }

    /** Alpaca's row; {@code input} may be empty. */
    record Alpaca(String instruction, String input, String output) implements Lesson {}

    record Completion(String prompt, String completion) implements Lesson {}

    record Text(String text) implements Lesson {}

    record Tokenized(int[] ids, int[] labels) implements Lesson {}

    /** Two answers to one prompt, the better one first. */
    record Pair(Lesson chosen, Lesson rejected) implements Row {}
}
