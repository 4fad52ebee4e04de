package dev.lowrank.engine.data;

import dev.lowrank.engine.template.ChatTemplate;
import dev.lowrank.engine.tokenizer.Tokenizer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Renders conversations with a model's own chat template, given the variables that transformers gives it. */
public final class TemplateRenderer implements ChatRenderer {
    private final ChatTemplate template;
    private final Map<String, Object> specialTokens;
    private final boolean argumentsAsText;

    private TemplateRenderer(ChatTemplate template, Map<String, Object> specialTokens) {
        this.template = template;
        this.specialTokens = specialTokens;
        this.argumentsAsText = ToolArguments.wantedAsText(this::write);
    }

    /** The renderer of a tokenizer's template; null if it has none. */
    public static @Nullable TemplateRenderer of(Tokenizer tokenizer) {
        String source = tokenizer.chatTemplate();
        return source == null ? null : compile(source, tokenizer.specialTokens());
    }

    static TemplateRenderer compile(String source, Map<String, Object> specialTokens) {
        return new TemplateRenderer(ChatTemplate.compile(source), specialTokens);
    }

    /** Whether the template can only write a tool call's arguments as the text they were given as. */
    boolean argumentsAsText() {
        return argumentsAsText;
    }

    /**
     * Gives the template what transformers gives it: absent tools and documents are defined, and null; the arguments of a
     * tool call are an object, unless the template can only write text.
     */
    @Override
    public String render(List<Map<String, Object>> messages, @Nullable List<?> tools, boolean addGenerationPrompt) {
        return write(argumentsAsText ? messages : ToolArguments.asObjects(messages), tools, addGenerationPrompt);
    }

    private String write(List<Map<String, Object>> messages, @Nullable List<?> tools, boolean addGenerationPrompt) {
        Map<String, @Nullable Object> variables = new HashMap<>(specialTokens);
        variables.put("messages", messages);
        variables.put("tools", tools);
        variables.put("documents", null);
        variables.put("add_generation_prompt", addGenerationPrompt);
        return template.render(variables);
    }
}
