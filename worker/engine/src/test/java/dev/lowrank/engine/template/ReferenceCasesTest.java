package dev.lowrank.engine.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/** Small templates, with what the transformers library makes of them; render_cases.py beside the cases writes that. */
class ReferenceCasesTest {
    @TestFactory
    Stream<DynamicTest> smallTemplatesRenderAsTheReferenceDoes() throws IOException {
        return cases().stream()
                .map(sample -> DynamicTest.dynamicTest("template: " + sample.get("template"), () -> check(sample)));
    }

    private static List<Map<String, Object>> cases() throws IOException {
        try (InputStream in = ReferenceCasesTest.class.getResourceAsStream("cases.json")) {
            return JsonMapper.shared().readValue(in, new TypeReference<>() {});
        }
    }

    private static void check(Map<String, Object> sample) {
        String template = (String) sample.get("template");
        if (sample.containsKey("fails")) {
            assertThatExceptionOfType(TemplateException.class)
                    .isThrownBy(() -> render(template, sample))
                    .withMessageContaining("line ");
        } else {
            assertThat(render(template, sample)).isEqualTo(sample.get("expected"));
        }
    }

    private static String render(String template, Map<String, Object> sample) {
        @SuppressWarnings("unchecked")
        Map<String, Object> variables = (Map<String, Object>) sample.getOrDefault("variables", Map.of());
        return ChatTemplate.compile(template).render(variables);
    }
}
