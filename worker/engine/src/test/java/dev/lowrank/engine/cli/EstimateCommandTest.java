package dev.lowrank.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class EstimateCommandTest {
    private static final Path FIXTURE = Path.of("src/test/resources/fixtures/llama-tiny");

    @TempDir
    private Path folder;

    private static CommandLineRun estimate(String... arguments) {
        return CommandLineRun.of(Stream.concat(Stream.of("estimate"), List.of(arguments).stream())
                .toArray(String[]::new));
    }

    private Path spec(String settings) throws IOException {
        return Files.writeString(
                folder.resolve("spec.json"),
                "{\"base_model\": \"%s\", \"training_file\": \"%s\", \"format\": \"tokenized\"%s}"
                        .formatted(FIXTURE.resolve("model"), FIXTURE.resolve("rows.jsonl"), settings));
    }

    @Test
    void partsOfASpecAddUpToWhatIsToldForPeopleAndPrograms() throws IOException {
        Path spec = spec("");
        CommandLineRun people = estimate(spec.toString());
        assertThat(people.code()).as(people.err()).isZero();
        assertThat(people.out())
                .contains("base ", "adapter and its gradients ", "optimizer ", "activations, all kept ", "at the peak ")
                .contains("It fits: ");
        CommandLineRun programs = estimate(spec.toString(), "--json");
        assertThat(programs.out()).hasLineCount(1);
        JsonNode line = JsonMapper.shared().readTree(programs.out());
        long sum = line.required("parts").values().stream()
                .mapToLong(JsonNode::asLong)
                .sum();
        assertThat(sum).isEqualTo(line.required("bytes").asLong()).isPositive();
        assertThat(line.required("fits").asBoolean()).isTrue();
        assertThat(line.required("remedies").isEmpty()).isTrue();
        assertThat(line.required("activations").required("checkpointed").asLong())
                .isLessThan(line.required("activations").required("kept").asLong());
    }

    @Test
    void shapeIsEstimatedWithTheOptionsOfBench() {
        JsonNode small = JsonMapper.shared()
                .readTree(estimate("--shape=tiny-5m", "--dtype=float32", "--batch=1", "--json")
                        .out());
        JsonNode large = JsonMapper.shared()
                .readTree(estimate("--shape=tiny-5m", "--dtype=float32", "--batch=8", "--json")
                        .out());
        assertThat(small.required("parameters").asLong()).isEqualTo(5_475_584);
        assertThat(large.required("parts").required("activations").asLong())
                .isGreaterThan(
                        5 * small.required("parts").required("activations").asLong());
    }

    @Test
    void whatDoesNotFitAnywhereIsToldWithWhatEachKnobWouldGive() {
        CommandLineRun ran = estimate(
                "--shape=llama3.2-1b", "--dtype=float32", "--batch=1000", "--length=1024", "--checkpointing=none");
        assertThat(ran.code()).as(ran.err()).isZero();
        assertThat(ran.out())
                .contains("It does not fit: ")
                .contains("\"training.gradient_checkpointing\": \"layer\"")
                .contains("\"training.micro_batch_size\": ")
                .contains("\"method\": \"qlora\"")
                .contains("\"training.max_length\": ");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "estimate | 2 | Name either a spec file or a --shape.",
                "estimate spec.json --shape=tiny-5m | 2 | Name either a spec file or a --shape.",
                "estimate --shape=tiny-6m | 2 | There is no shape \"tiny-6m\"",
                "estimate nowhere.json | 1 | There is no spec file nowhere.json."
            })
    void wrongArgumentsAreOneSentence(String arguments, int code, String sentence) {
        CommandLineRun ran = CommandLineRun.of(arguments.split(" "));
        assertThat(ran.code()).isEqualTo(code);
        assertThat(ran.err()).startsWith("lowrank: ").contains(sentence).hasLineCount(1);
        assertThat(ran.out()).isEmpty();
    }
}
