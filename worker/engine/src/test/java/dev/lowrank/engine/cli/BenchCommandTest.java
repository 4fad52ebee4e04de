package dev.lowrank.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class BenchCommandTest {
    private static final Path MODEL = Path.of("src/test/resources/fixtures/llama-tiny/model");

    @Test
    void jsonIsOneLineWithWhatWasMeasured() {
        CommandLineRun ran = bench("tiny-5m", "--json", "--profile");
        assertThat(ran.code()).as(ran.err()).isZero();
        assertThat(ran.out()).hasLineCount(1);
        JsonNode line = JsonMapper.shared().readTree(ran.out());
        for (String figure : List.of(
                "tokens_per_second",
                "tokens_per_second_min",
                "tokens_per_second_max",
                "loss",
                "grad_norm",
                "share_of_peak",
                "flops_per_step",
                "peak_flops_per_second")) {
            assertThat(line.required(figure).asDouble()).as(figure).isPositive().isFinite();
        }
        assertThat(line.required("peak_memory_bytes").asLong())
                .isGreaterThanOrEqualTo(line.required("base_memory_bytes").asLong());
        assertThat(line.required("step_seconds").size()).isEqualTo(2);
        assertThat(line.required("losses").get(1).asDouble())
                .isEqualTo(line.required("loss").asDouble());
        assertThat(line.required("grad_norms").size()).isEqualTo(2);
        assertThat(line.required("shape").asString()).isEqualTo("tiny-5m");
        assertThat(line.required("method").asString()).isEqualTo("lora");
        assertThat(line.required("dtype").asString()).isEqualTo("float32");
        assertThat(line.required("batch").asInt()).isEqualTo(1);
        assertThat(line.required("length").asInt()).isEqualTo(16);
        assertThat(line.required("rank").asInt()).isEqualTo(16);
        assertThat(line.required("threads").asInt()).isEqualTo(1);
        assertThat(line.required("checkpointing").asBoolean()).isFalse();
        assertThat(line.required("trainable_parameters").asLong()).isEqualTo(448_512);
        assertThat(line.required("profile").size()).isGreaterThan(10);
    }

    @Test
    void modelFolderIsMeasuredTooAndShownAsATable() {
        CommandLineRun ran = bench(MODEL.toString(), "--method=full", "--profile", "--checkpointing=per-layer");
        assertThat(ran.code()).as(ran.err()).isZero();
        assertThat(ran.out())
                .contains("gradient checkpointing by layer")
                .containsPattern("warm-up +1 +loss +\\d")
                .containsPattern("step +3 +loss +\\d")
                .contains("tokens per second", "peak memory", "share of peak")
                .containsPattern("backward +matmul, thin \\(\\d+\\) +\\d+")
                .containsPattern("between operations +[\\d.]+ +[\\d.]+ %\n +step +[\\d.]+ +100\\.0 %\n");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "nonsense | no shape \"nonsense\" and no model folder there; the shapes are tiny-5m,",
                "tiny-5m --method=dpo | --method is \"dpo\", but must be one of: lora, qlora, full.",
                "tiny-5m --dtype=half | --dtype is \"half\", but must be one of: auto, float32, bfloat16.",
                "tiny-5m --checkpointing=layer | --checkpointing is \"layer\", but must be one of",
                "tiny-5m --batch=0 | --batch is 0, but must be between 1 and 65536.",
                "tiny-5m --batch=two | '--batch': 'two' is not an int.",
                "tiny-5m --length=1 | --length is 1,",
                "tiny-5m --length=8193 | --length is 8193, but must be between 2 and 8192.",
                "tiny-5m --rank=0 | --rank is 0,",
                "tiny-5m --steps=0 | --steps is 0,",
                "tiny-5m --warmup=-1 | --warmup is -1,",
                "tiny-5m --threads=0 | --threads is 0,",
                "tiny-5m --fast | Unknown option: '--fast'.",
                "--json | Missing required parameter: 'SHAPE'."
            })
    void wrongOptionsAreOneSentence(String arguments, String sentence) {
        CommandLineRun ran = CommandLineRun.of(Stream.concat(Stream.of("bench"), Stream.of(arguments.split(" ")))
                .toArray(String[]::new));
        assertThat(ran.code()).isEqualTo(2);
        assertThat(ran.err()).startsWith("lowrank: ").contains(sentence).hasLineCount(1);
        assertThat(ran.out()).isEmpty();
    }

    @Test
    void aDeviceThatIsNoneIsOneSentence() {
        CommandLineRun ran = CommandLineRun.of("bench", "tiny-5m", "--device", "tpu");
        assertThat(ran.code()).isOne();
        assertThat(ran.err()).startsWith("lowrank: There is no device \"tpu\"").hasLineCount(1);
    }

    private static CommandLineRun bench(String shape, String... more) {
        List<String> small = List.of(
                "bench",
                shape,
                "--dtype=float32",
                "--batch=1",
                "--length=16",
                "--steps=2",
                "--warmup=1",
                "--threads=1");
        return CommandLineRun.of(Stream.concat(small.stream(), Stream.of(more)).toArray(String[]::new));
    }
}
