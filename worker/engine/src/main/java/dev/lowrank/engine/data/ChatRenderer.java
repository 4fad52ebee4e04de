package dev.lowrank.engine.data;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Writes a conversation as the one text that the model sees. */
@FunctionalInterface
public interface ChatRenderer {
    /**
     * Renders a conversation.
     *
     * @param messages at least role and content each, as plain maps
     * @param tools the row's tools, or null
     * @param addGenerationPrompt ends the text where an assistant's answer would begin
     * @throws RuntimeException with one sentence if the template refuses the conversation
     */
    String render(List<Map<String, Object>> messages, @Nullable List<?> tools, boolean addGenerationPrompt);
}
