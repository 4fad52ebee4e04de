package dev.lowrank.engine.format;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonFileTest {
    @TempDir
    Path temporary;

    @Test
    void readsWhatOthersWrote() {
        assertThat(JsonFile.read(put("{\"a\": [1, 2.5, \"ü\"]}\n"), 100)
                        .path("a")
                        .size())
                .isEqualTo(3);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"a\": 1, \"a\": 1}|a key twice at line 1",
                "{\"x\": {\"a\": 1, \"a\": 2}}|a key twice at line 1",
                "{\"a\": 1} {}|not valid JSON at line 1",
                "{\"a\": 1} x|not valid JSON at line 1",
                "{'a': 1}|not valid JSON",
                "{\"a\": NaN}|not valid JSON",
                "{\"a\": 01}|not valid JSON",
                "[1,]|not valid JSON",
                "{\"a\": 1|not valid JSON",
                "``|is empty",
                "` `|is empty"
            })
    void refusesWhatIsNotOneSoundValue(String text, String says) {
        assertThat(Sentences.refusal(() -> JsonFile.read(put(text), 1000))).contains(says);
    }

    @Test
    void refusesWhatIsTooDeepOrTooLarge() {
        assertThat(JsonFile.read(put("[".repeat(64) + "]".repeat(64)), 1000).isArray())
                .isTrue();
        Path deep = put("[".repeat(65) + "]".repeat(65));
        assertThat(Sentences.refusal(() -> JsonFile.read(deep, 1000))).contains("nests deeper than 64");
        Path abyss = put("{\"a\":".repeat(100_000));
        assertThat(Sentences.refusal(() -> JsonFile.read(abyss, 1 << 20))).contains("nests deeper than 64");
        Path large = put("\"" + "x".repeat(998) + "\"");
        assertThat(JsonFile.read(large, 1000).stringValue()).hasSize(998);
        assertThat(Sentences.refusal(() -> JsonFile.read(large, 999))).contains("larger than the 999 bytes");
        Path digits = put("9".repeat(500));
        assertThat(Sentences.refusal(() -> JsonFile.read(digits, 1000))).contains("nests deeper than 64");
    }

    @Test
    void refusesOtherEncodings() throws IOException {
        Path file = temporary.resolve("config.json");
        Files.write(file, "{\"a\":\"\u00ff\"}".getBytes(StandardCharsets.ISO_8859_1));
        assertThat(Sentences.refusal(() -> JsonFile.read(file, 1000))).contains("UTF-8");
        Files.write(file, "{\"a\":1}".getBytes(StandardCharsets.UTF_16));
        assertThat(Sentences.refusal(() -> JsonFile.read(file, 1000))).contains("UTF-8");
        assertThat(Sentences.refusal(() -> JsonFile.read(put("\uFEFF{}"), 1000)))
                .contains("not valid JSON");
    }

    @Test
    void refusesMissingFileAndFolder() {
        assertThat(Sentences.refusal(() -> JsonFile.read(temporary.resolve("no.json"), 9)))
                .contains("no.json is missing");
        assertThat(Sentences.refusal(() -> JsonFile.read(temporary, 9))).contains("not a regular file");
    }

    private Path put(String text) {
        return SafetensorsBytes.put(temporary.resolve("config.json"), text.getBytes(StandardCharsets.UTF_8));
    }
}
