package dev.lowrank.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class MergeCommandTest {
    private static final Path FIXTURE = Path.of("src/test/resources/fixtures/llama-tiny");
    private static final String BASE = FIXTURE.resolve("model").toString();
    private static final String ADAPTER = FIXTURE.resolve("trained-adapter").toString();

    @TempDir
    private Path folder;

    @Test
    void adapterOfAFullPrecisionBaseIsMergedWithoutMoreAdo() {
        CommandLineRun ran = run("merge", BASE, "--adapter", ADAPTER, "--output", output("m"), "--dtype", "bf16");
        assertThat(ran.code()).as(ran.err()).isZero();
        assertThat(ran.out())
                .contains("tensors changed by the LoRA adapter", "BF16", "read back")
                .hasLineCount(1);
        assertThat(folder.resolve("m/model.safetensors")).exists();
    }

    @Test
    void adapterTrainedOnFourBitsSaysHowFarItMovedByItself() throws IOException {
        Path spec = Files.writeString(
                folder.resolve("spec.json"), """
                {"base_model": "%s", "training_file": "%s", "format": "tokenized", "output": "%s", "method": "qlora",
                 "adapter": {"rank": 2}, "training": {"max_steps": 2, "epochs": 1, "learning_rate": 0.01}}
                """.formatted(BASE, FIXTURE.resolve("rows.jsonl"), folder.resolve("out")));
        assertThat(run("train", spec.toString()).code()).isZero();
        JsonNode origin = JsonMapper.shared().readTree(Files.readString(folder.resolve("out/lowrank.json")));
        assertThat(origin.required("method").stringValue()).isEqualTo("qlora");
        assertThat(origin.required("quantization").toString()).isEqualTo("{\"type\":\"nf4\",\"double\":true}");
        assertThat(origin.required("base_sha256").stringValue()).hasSize(64);
        assertThat(origin.required("spec").has("training_file")).isFalse();

        String adapter = output("out");
        CommandLineRun told = run("merge", BASE, "--adapter", adapter, "--output", output("told"));
        assertThat(told.code()).as(told.err()).isZero();
        assertThat(told.out()).contains("base in nf4 double", "random rows", "cross-entropy", "logits differ by");
        CommandLineRun json = run(
                "merge",
                BASE,
                "--adapter",
                adapter,
                "--output",
                output("json"),
                "--probe",
                FIXTURE.resolve("rows.jsonl").toString(),
                "--json");
        assertThat(json.code()).as(json.err()).isZero();
        JsonNode drift = JsonMapper.shared().readTree(json.out()).required("drift");
        assertThat(drift.required("dataset").booleanValue()).isTrue();
        assertThat(drift.required("trained_on").stringValue()).isEqualTo("nf4 double");
        assertThat(drift.required("largest_logit_difference").doubleValue()).isPositive();
        assertThat(drift.required("loss_merged").doubleValue()).isPositive();
    }

    @Test
    void whatCannotBeDoneIsOneSentenceAndExitCodeOne() {
        assertThat(refusal("--dtype", "int8")).contains("only bf16, fp16 and fp32");
        assertThat(refusal("--shard-size", "0")).contains("5GB");
        assertThat(refusal("--shard-size", "5 potatoes")).contains("5GB");
        assertThat(refusal("--trained-on", "int8")).contains("only full, nf4 and nf4-double");
        assertThat(refusal("--probe", folder.resolve("none.jsonl").toString())).contains("none.jsonl");
        assertThat(folder).isEmptyDirectory();
    }

    private String refusal(String... more) {
        CommandLineRun ran = run("merge", BASE, "--adapter", ADAPTER, "--output", output("m"), more[0], more[1]);
        assertThat(ran.code()).isEqualTo(1);
        assertThat(ran.err()).hasLineCount(1);
        return ran.err();
    }

    private String output(String name) {
        return folder.resolve(name).toString();
    }

    private static CommandLineRun run(String... args) {
        return CommandLineRun.of(args);
    }
}
