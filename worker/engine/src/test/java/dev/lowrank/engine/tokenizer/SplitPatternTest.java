package dev.lowrank.engine.tokenizer;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SplitPatternTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                // GPT-2
                "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
                // Llama 3, SmolLM3, OLMo 2
                "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
                // Qwen 2 and 3
                "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
                // GPT-4o, Phi-4 mini
                "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
                // DeepSeek
                "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
                "\\s?[A-Za-z\u00b5\u00c0-\u00d6]+",
                "\\s+$",
                "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
                // BLOOM
                " ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+",
                // StarCoder, Falcon
                "[0-9][0-9][0-9]",
                " {2,}",
            })
    void patternOfAPublishedTokenizerIsAccepted(String pattern) {
        assertThatCode(() -> SplitPattern.check(pattern)).doesNotThrowAnyException();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "a*",
                "a|",
                "(a+)+b",
                "(a|a)*b",
                "(?:a?){30}a",
                "a*a*b",
                "\\s*\\s*x",
                ".*.*=.*",
                "a{1,3}+",
                "(a)\\1",
                "(?<n>a)\\k<n>",
                "(?>a+)b",
                "(?~a)",
                "(?#c)a",
                "(?m)a",
                "(?=a+)b",
                "(?:\\d{3}){2}",
                "(?!a)",
                "\\b",
                "\\G",
                "\\Xa",
                "^*a",
                "[]a]",
                "[a",
                "(a",
                "a)",
                "a\\",
                "a**",
                "a{,3}",
                "{",
                "\\p",
                "[a&&",
            })
    void patternThatCouldTakeLongOrMatchNothingIsRefused(String pattern) {
        assertThatThrownBy(() -> SplitPattern.check(pattern)).isInstanceOf(SplitPattern.Refused.class);
    }
}
