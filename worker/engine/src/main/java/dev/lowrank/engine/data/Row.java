package dev.lowrank.engine.data;

import dev.lowrank.engine.spec.DataFormat;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** One row as its author wrote it, checked. */
sealed interface Row {
    DataFormat format();

    /**
     * A conversation.
     *
     * @param messages as plain maps, with everything the row gave them
     */
    record Chat(
            List<Map<String, Object>> messages, @Nullable List<?> tools) implements Row {
        @Override
        public DataFormat format() {
            return DataFormat.CHAT;
        }

        boolean learns(int message) {
            Map<String, Object> fields = messages.get(message);
            return "assistant".equals(fields.get("role"))
                    && !(fields.get("weight") instanceof Number weight && weight.doubleValue() == 0);
        }
    }

    record Completion(String prompt, String completion) implements Row {
        @Override
        public DataFormat format() {
            return DataFormat.COMPLETION;
        }
    }

    record Text(String text) implements Row {
        @Override
        public DataFormat format() {
            return DataFormat.TEXT;
        }
    }

    record Tokenized(int[] ids, int[] labels) implements Row {
        @Override
        public DataFormat format() {
            return DataFormat.TOKENIZED;
        }
    }
}
