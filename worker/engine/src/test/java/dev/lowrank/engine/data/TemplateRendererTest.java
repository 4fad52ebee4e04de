package dev.lowrank.engine.data;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.tokenizer.Fixture;
import dev.lowrank.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TemplateRendererTest {
    private static final List<Map<String, Object>> MESSAGES =
            List.of(Map.of("role", "user", "content", "Where? 🚢"), Map.of("role", "assistant", "content", "Harbour."));

    @TempDir
    Path temporary;

    @Test
    void modelsOwnTemplateWritesTheConversation() {
        try (Tokenizer tokenizer = Fixture.open()) {
            ChatRenderer renderer = Objects.requireNonNull(TemplateRenderer.of(tokenizer));
            for (boolean prompt : List.of(true, false)) {
                assertThat(renderer.render(MESSAGES, null, prompt))
                        .isEqualTo(new TagRenderer().render(MESSAGES, null, prompt));
            }
        }
    }

    @Test
    void templateIsGivenWhatTransformersGivesIt() throws IOException {
        ChatRenderer renderer = template(
                "{{ eos_token }}|{{ tools is none }}|{{ documents is none }}|{{ tools is defined }}|{{ unk_token is defined }}");
        assertThat(renderer.render(MESSAGES, null, false)).isEqualTo("<|eos|>|True|True|True|False");
        assertThat(renderer.render(MESSAGES, List.of(Map.of("type", "function")), false))
                .isEqualTo("<|eos|>|False|True|True|False");
    }

    private ChatRenderer template(String source) throws IOException {
        for (String name : List.of("tokenizer.json", "tokenizer_config.json")) {
            Files.copy(Fixture.folder().resolve(name), temporary.resolve(name));
        }
        Files.writeString(temporary.resolve("chat_template.jinja"), source);
        try (Tokenizer tokenizer = Tokenizer.open(temporary)) {
            return Objects.requireNonNull(TemplateRenderer.of(tokenizer));
        }
    }
}
