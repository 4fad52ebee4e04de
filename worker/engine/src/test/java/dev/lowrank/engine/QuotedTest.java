package dev.lowrank.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;

class QuotedTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "a          | \"a\"",
                "he \"is\"  | \"he 'is'\"",
                "\"         | \"'\"",
                "it's       | \"it's\"",
                "``         | \"\"",
            })
    void noMarkOfTheSameKindIsInside(String text, String quoted) {
        assertThat(Quoted.of(text)).isEqualTo(quoted);
    }

    @Test
    void aLongTextIsCutWithinItsQuotes() {
        assertThat(Quoted.of("a".repeat(80))).isEqualTo('"' + "a".repeat(80) + '"');
        assertThat(Quoted.of("a".repeat(81))).isEqualTo('"' + "a".repeat(79) + "…\"");
        assertThat(Quoted.of("abcdef", 4)).isEqualTo("\"abc…\"");
        assertThat(Quoted.of("a".repeat(79) + "😀")).endsWith("a…\"");
    }

    @Test
    void aListThatIsCutIsPutInQuotes() {
        String text = "a".repeat(90);
        assertThat(Quoted.of(JsonMapper.shared().readTree("[\"%s\"]".formatted(text))))
                .isEqualTo("\"['" + "a".repeat(77) + "…\"");
    }

    @Test
    void whatBreaksTheLineBecomesAQuestionMark() {
        assertThat(Quoted.of("a\nb\u2028c\u001bd")).isEqualTo("\"a?b?c?d\"");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "1.5              | 1.5",
                "true             | true",
                "null             | null",
                "[1, 2]           | [1,2]",
                "\"a \\\"b\\\"\"  | \"a 'b'\"",
                "[\"a. B\", 1]    | [\"a. B\",1]",
                "[\"a \\\"b\"]    | \"['a \\'b']\"",
            })
    void onlyWhatHasQuotesWithinQuotesIsWrittenOtherwiseThanInJson(String json, String shown) {
        assertThat(Quoted.of(JsonMapper.shared().readTree(json))).isEqualTo(shown);
    }
}
