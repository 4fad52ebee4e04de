package dev.lowrank.engine.fuzz;

import dev.lowrank.engine.template.ChatTemplate;
import dev.lowrank.engine.template.TemplateException;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * A chat template, compiled and rendered with a conversation. The interpreter counts what it does: ten million steps and 64
 * million characters, whatever the template's length, so that is what the cost follows from, and not the input's size.
 */
final class TemplateTarget implements FuzzTarget {
    private static final Clock NOON = Clock.fixed(Instant.parse("2026-03-01T12:00:00Z"), ZoneOffset.UTC);
    private static final Map<String, @Nullable Object> USUAL = Map.of(
            "messages",
            List.of(
                    Map.of("role", "user", "content", "Where does the ferry leave?"),
                    Map.of("role", "assistant", "content", "At the harbour.", "weight", 1)),
            "bos_token",
            "<s>");

    @Override
    public String name() {
        return "template";
    }

    @Override
    public String defaultFile() {
        return "chat_template.jinja";
    }

    @Override
    public Cost most() {
        return new Cost(1L << 30, 1000, 64 << 20, 10);
    }

    @Override
    public void read(Parts input) {
        ChatTemplate template = ChatTemplate.compile(input.text("chat_template.jinja"));
        Map<String, @Nullable Object> variables = variables(input.get("variables.json"));
        String text = template.render(variables, NOON);
        SafetensorsTarget.expect(text.length() <= 16_000_000);
        SafetensorsTarget.expect(template.render(variables, NOON).equals(text));
    }

    private static Map<String, @Nullable Object> variables(byte[] json) {
        Map<String, @Nullable Object> variables = new HashMap<>(USUAL);
        variables.put("tools", null);
        variables.put("add_generation_prompt", true);
        try {
            Map<?, ?> given = JsonMapper.shared().readValue(json, LinkedHashMap.class);
            if (given != null) {
                given.forEach((name, value) -> variables.put(String.valueOf(name), value));
            }
        } catch (JacksonException e) {
            // Not the reader under test: the usual conversation will do.
        }
        return variables;
    }

    @Override
    public boolean quotesAuthor(RuntimeException refusal) {
        return refusal instanceof TemplateException said && said.raised().isPresent();
    }
}
