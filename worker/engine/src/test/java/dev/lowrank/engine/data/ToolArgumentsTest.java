package dev.lowrank.engine.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.SharedData;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

class ToolArgumentsTest {
    private static final JsonMapper JSON = JsonMapper.shared();
    private static final String OBJECTS =
            "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function.arguments | tojson }}{% endfor %}{% endfor %}";
    private static final String TEXTS =
            "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ 'args ' + c.function.arguments }}{% endfor %}{% endfor %}";
    private static final String PRINTED =
            "{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function.arguments }}{% endfor %}{% endfor %}";

    @Test
    void argumentsInOpenAisFormReachTheTemplateAsObjects() {
        assertThat(write(OBJECTS, "{\"city\": \"Rome\", \"days\": [1, 2.0, true, null], \"ü\": {}}"))
                .isEqualTo("{\"city\": \"Rome\", \"days\": [1, 2.0, true, null], \"ü\": {}}");
        assertThat(write(OBJECTS, "")).isEqualTo("{}");
    }

    @Test
    void templatesThatCanOnlyWriteTextAreGivenIt() {
        assertThat(write(TEXTS, "{\"city\":\"Rome\"}")).isEqualTo("args {\"city\":\"Rome\"}");
        assertThat(write(PRINTED, "{\"city\":\"Rome\"}")).isEqualTo("{\"city\":\"Rome\"}");
    }

    @Test
    void argumentsGivenAsObjectsStayThat() {
        assertThat(write(OBJECTS, Map.of("city", "Rome"))).isEqualTo("{\"city\": \"Rome\"}");
    }

    @Test
    void publishedTemplatesWriteOpenAisCallsAsTransformersWritesThatOfObjects() {
        int calls = 0;
        for (Map<String, Object> sample : samples()) {
            List<Map<String, Object>> messages = messages(sample);
            TemplateRenderer renderer = renderer(sample);
            if (messages.stream().anyMatch(message -> message.get("tool_calls") instanceof List<?>)) {
                calls++;
                List<Map<String, Object>> asText = new ArrayList<>();
                messages.forEach(message -> asText.add(withTextArguments(message)));
                assertThat(renderer.render(
                                asText,
                                (List<?>) sample.get("tools"),
                                Boolean.TRUE.equals(sample.get("add_generation_prompt"))))
                        .as(String.valueOf(sample.get("name")))
                        .isEqualTo(sample.get("expected"));
            }
        }
        assertThat(calls).isEqualTo(4);
    }

    @Test
    void amongPublishedTemplatesOnlyThoseThatPutTextsTogetherWantText() {
        TreeSet<String> wanting = new TreeSet<>();
        for (Map<String, Object> sample : samples()) {
            if (renderer(sample).argumentsAsText()) {
                wanting.add((String) sample.get("name"));
            }
        }
        assertThat(wanting).containsExactly("deepseek-ai/DeepSeek-R1");
    }

    private static List<Map<String, Object>> samples() {
        return JSON.readValue(
                SharedData.require("golden/chat-templates/real-templates.json").toFile(), new TypeReference<>() {});
    }

    @SuppressWarnings("unchecked")
    private static List<Map<String, Object>> messages(Map<String, Object> sample) {
        return (List<Map<String, Object>>) sample.get("messages");
    }

    @SuppressWarnings("unchecked")
    private static TemplateRenderer renderer(Map<String, Object> sample) {
        Map<String, Object> variables = new HashMap<>((Map<String, Object>) sample.get("variables"));
        return TemplateRenderer.compile((String) sample.get("chat_template"), variables);
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> withTextArguments(Map<String, Object> message) {
        Map<String, Object> copy = new LinkedHashMap<>(message);
        if (message.get("tool_calls") instanceof List<?> calls) {
            List<Object> changed = new ArrayList<>();
            for (Object call : calls) {
                Map<String, Object> fields = new LinkedHashMap<>((Map<String, Object>) call);
                Map<String, Object> function = new LinkedHashMap<>((Map<String, Object>) fields.get("function"));
                function.put("arguments", JSON.writeValueAsString(function.get("arguments")));
                fields.put("function", function);
                changed.add(fields);
            }
            copy.put("tool_calls", changed);
        }
        return copy;
    }

    private static String write(String template, @Nullable Object arguments) {
        Map<String, Object> function = new HashMap<>(Map.of("name", "f"));
        function.put("arguments", arguments);
        Map<String, Object> call = Map.of("type", "function", "function", function);
        return TemplateRenderer.compile(template, Map.of())
                .render(List.of(Map.of("role", "assistant", "content", "", "tool_calls", List.of(call))), null, false);
    }
}
