package dev.lowrank.engine.data;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Writes what the chat template of the test tokenizer writes, without a template engine. */
final class TagRenderer implements ChatRenderer {
    @Override
    public String render(List<Map<String, Object>> messages, @Nullable List<?> tools, boolean addGenerationPrompt) {
        StringBuilder text = new StringBuilder("<|bos|>");
        for (Map<String, Object> message : messages) {
            text.append("<|%s|>%s<|end|>".formatted(message.get("role"), message.get("content")));
        }
        return addGenerationPrompt ? text.append("<|assistant|>").toString() : text.toString();
    }
}
