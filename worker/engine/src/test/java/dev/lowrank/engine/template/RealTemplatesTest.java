package dev.lowrank.engine.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/** Templates of published models must render to the very bytes the transformers library renders. */
class RealTemplatesTest {
    private static final String FILE = "shared/golden/chat-templates/real-templates.json";

    @TestFactory
    Stream<DynamicTest> publishedTemplatesRenderToTheBytesOfTheReference() {
        Optional<Path> file = file();
        assumeTrue(file.isPresent(), "no published templates here: " + FILE + " is in no folder above this one");
        List<Map<String, Object>> samples =
                JsonMapper.shared().readValue(file.orElseThrow().toFile(), new TypeReference<>() {});
        assertThat(samples).hasSize(38);
        return samples.stream()
                .map(sample -> DynamicTest.dynamicTest((String) sample.get("name"), () -> check(sample)));
    }

    private static void check(Map<String, Object> sample) {
        Map<String, Object> variables = new HashMap<>();
        for (String name : List.of("messages", "tools", "add_generation_prompt")) {
            variables.put(name, sample.get(name));
        }
        variables.put("documents", null);
        ((Map<?, ?>) sample.get("variables")).forEach((name, value) -> variables.put((String) name, value));
        String rendered =
                ChatTemplate.compile((String) sample.get("chat_template")).render(variables);
        assertThat(rendered).isEqualTo(sample.get("expected"));
    }

    private static Optional<Path> file() {
        List<Path> candidates = new ArrayList<>();
        for (Path folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
            candidates.add(folder.resolve(FILE));
        }
        return candidates.stream().filter(Files::isReadable).findFirst();
    }
}
