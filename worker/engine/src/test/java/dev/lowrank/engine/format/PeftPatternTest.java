package dev.lowrank.engine.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class PeftPatternTest {
    private static final List<String> PATTERNS = List.of(
            ".*q_proj",
            ".*\\.(q|v)_proj",
            "model\\.layers\\.[0-9]+\\.self_attn\\.(?:q_proj|k_proj)$",
            "\\bmodel\\.layers\\.[\\d]{1,}\\.(?:self_attn|mlp)\\.(?:(?:q_proj|down_proj))",
            "^(?!.*vision).*(?:q_proj|v_proj).*$",
            "(?:.*?(?:language|text).*?(?:self_attn|mlp).*?(?:q_proj|v_proj).*?)",
            "model.layers.(1|2).*",
            "(model(?=\\.layers)).*",
            ".*[^0-9]\\.1\\..*",
            ".*layers\\.\\d{2,3}\\..*",
            "(?P<stem>model)\\..*proj",
            "[a-z.]*\\d[a-z._]*",
            "[]a-]*",
            "\\w+(\\.\\w+)*?",
            "(a*)*b|lm_head",
            "()|a{,2}",
            ".*\\Bproj\\b.*\\Z",
            "\\A.*?(?!proj)q.*",
            "");
    private static final List<String> PATHS = List.of(
            "model.layers.0.self_attn.q_proj",
            "model.layers.1.self_attn.v_proj",
            "model.layers.12.mlp.down_proj",
            "model.vision.layers.1.self_attn.q_proj",
            "model.language_model.layers.2.self_attn.q_proj",
            "lm_head",
            "model.layers.1.mlp.experts.0.up_proj",
            "q_proj",
            "aa",
            "]a-",
            "");

    @TempDir
    Path temporary;

    @ParameterizedTest
    @CsvSource(
            delimiter = ' ',
            value = {
                "down_proj model.layers.0.mlp.down_proj true",
                "down_proj down_proj true",
                "down_proj model.layers.0.mlp.up_down_proj false",
                "mlp.down_proj model.layers.0.mlp.down_proj true",
                "mlp.down_proj model.layers.0.mlp_down_proj true",
                "q_proj|v_proj model.layers.0.self_attn.v_proj true",
                "layers\\.1\\..* model.layers.1.mlp.down_proj true",
                "layers\\.1\\..* model.layers.11.mlp.down_proj false",
                "^model.layers.0.mlp.down_proj model.layers.0.mlp.down_proj true",
                "^layers.0.mlp.down_proj model.layers.0.mlp.down_proj false",
                "down_proj model.layers.0.mlp.down_proj.inner false"
            })
    void keyOfARankPatternMatchesThePathOrItsEnding(String key, String path, boolean matches) {
        assertThat(PeftPattern.ending(key).matches(path)).isEqualTo(matches);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "(", ")", "a)(b", "[a", "[", "a\\", "*a", "a**", "a*+", "a++", "a{", "a{x}", "a{2,1}", "a{2000}", "{2}",
                "(?i)a", "(?<=a)b", "(?<!a)b", "(?P=x)", "(?#x)", "(?>a)", "(?<n>a)", "(a)\\1", "\\p{L}", "\\Qa\\E",
                "\\h", "\\n", "[a&&b]", "[[a]]", "[a--b]", "[z-a]", "[\\d-a]", "[a-\\d]", "^*", "(?=a)*", "é", "[é]"
            })
    void whatIsNotKnownIsRefusedRatherThanReadOtherwise(String pattern) {
        assertThatThrownBy(() -> PeftPattern.of(pattern)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void hostilePatternsNeitherHangNorGrow() {
        String path = "a".repeat(400) + "!";
        for (String slow : List.of("(a+)+b", "(a|a)*b", "(a|aa)+$", "(.*a){20}b", "((a*)*)*b")) {
            assertThat(PeftPattern.of(slow).matches(path)).as(slow).isFalse();
        }
        assertThatThrownBy(() -> PeftPattern.of("((a{1000}){1000}){1000}")).hasMessageContaining("too large");
        assertThatThrownBy(() -> PeftPattern.of("(".repeat(5000) + ")".repeat(5000)))
                .hasMessageContaining("too deeply");
        assertThatThrownBy(() -> PeftPattern.of("a".repeat(10_001))).hasMessageContaining("longer than");
        String costly = "(" + "(?!b.*c)".repeat(100) + ".)*";
        assertThatThrownBy(() -> PeftPattern.of(costly).matches("b".repeat(400)))
                .hasMessageContaining("too long");
    }

    /** Needs a Python in LOWRANK_REFERENCE_PYTHON. */
    @Test
    void everyAnswerIsThatOfPython() throws Exception {
        String python = System.getenv("LOWRANK_REFERENCE_PYTHON");
        assumeTrue(python != null, "no reference Python: LOWRANK_REFERENCE_PYTHON is not set");
        String ask = """
                import json, re, sys
                patterns, paths = json.load(open(sys.argv[1]))
                print(json.dumps([[re.fullmatch(p, path) is not None for path in paths] for p in patterns]))
                """;
        Path file = temporary.resolve("ask.json");
        Files.writeString(file, JsonMapper.shared().writeValueAsString(List.of(PATTERNS, PATHS)));
        Process process = new ProcessBuilder(python, "-c", ask, file.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).isZero();
        JsonNode answers = JsonMapper.shared().readTree(out);
        for (int p = 0; p < PATTERNS.size(); p++) {
            PeftPattern pattern = PeftPattern.of(PATTERNS.get(p));
            for (int i = 0; i < PATHS.size(); i++) {
                assertThat(pattern.matches(PATHS.get(i)))
                        .as("%s on %s", PATTERNS.get(p), PATHS.get(i))
                        .isEqualTo(answers.get(p).get(i).booleanValue());
            }
        }
        assertThat(answers.values().stream()
                        .map(row -> row.values().stream()
                                .filter(JsonNode::booleanValue)
                                .count())
                        .collect(Collectors.toSet()))
                .hasSizeGreaterThan(3);
    }
}
