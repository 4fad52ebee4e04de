package dev.lowrank.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.format.GgufFile;
import dev.lowrank.engine.format.GgufType;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class ExportCommandTest {
    private static final String MODEL = "src/test/resources/fixtures/llama-tiny/model";
    private static final String ADAPTER = "src/test/resources/fixtures/llama-tiny/trained-adapter";

    @TempDir
    private Path folder;

    @Test
    void modelAndAdapterAreWrittenAndToldOf() {
        Path model = folder.resolve("model.gguf");
        CommandLineRun ran = run("export", MODEL, "--output", model.toString(), "--type", "f16", "--without-tokenizer");
        assertThat(ran.code()).as(ran.err()).isZero();
        assertThat(ran.out()).contains("a model for llama", "f16", "read back").hasLineCount(1);
        try (GgufFile file = GgufFile.open(model)) {
            assertThat(file.tensor("token_embd.weight").type()).isEqualTo(GgufType.F16);
        }
        Path adapter = folder.resolve("adapter.gguf");
        CommandLineRun second = run("export", MODEL, "--adapter", ADAPTER, "--output", adapter.toString(), "--json");
        assertThat(second.code()).as(second.err()).isZero();
        JsonNode line = JsonMapper.shared().readTree(second.out());
        assertThat(line.required("tensors").intValue()).isPositive();
        assertThat(line.required("type").stringValue()).isEqualTo("f32");
        assertThat(adapter).exists();
    }

    @Test
    void whatCannotBeDoneIsOneSentenceAndExitCodeOne() {
        String file = folder.resolve("x.gguf").toString();
        assertThat(run("export", MODEL, "--output", file).err())
                .contains("--without-tokenizer")
                .hasLineCount(1);
        assertThat(run("export", MODEL, "--output", file, "--type", "q4_0").err())
                .contains("only f32, f16, bf16 and q8_0");
        CommandLineRun both = run("export", MODEL, "--adapter", ADAPTER, "--output", file, "--without-tokenizer");
        assertThat(both.code()).isEqualTo(1);
        assertThat(both.err()).contains("holds no tokenizer").hasLineCount(1);
        assertThat(folder).isEmptyDirectory();
    }

    private static CommandLineRun run(String... args) {
        return CommandLineRun.of(args);
    }
}
