package dev.lowrank.engine.generate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.format.Sentences;
import java.nio.file.Path;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;

class EndTokensTest {
    private static Set<Integer> read(String json) {
        return EndTokens.of(Path.of("base/config.json"), JsonMapper.shared().readTree(json));
    }

    @Test
    void oneOrSeveralOrNone() {
        assertThat(read("{\"eos_token_id\": 2}")).containsExactly(2);
        assertThat(read("{\"eos_token_id\": [7, 2]}")).containsExactly(2, 7);
        assertThat(read("{\"eos_token_id\": []}")).isEmpty();
        assertThat(read("{\"eos_token_id\": null}")).isEmpty();
        assertThat(read("{}")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"x\"", "[\"x\"]", "[[2]]", "{\"a\":2}", "2.5", "[2,null]", "99999999999", "true"})
    void anythingElseIsRefused(String value) {
        assertThat(Sentences.refusal(() -> read("{\"eos_token_id\": %s}".formatted(value))))
                .isEqualTo(
                        "base/config.json has eos_token_id %s where a token's id or a list of them belongs; correct it."
                                .formatted(value));
    }
}
