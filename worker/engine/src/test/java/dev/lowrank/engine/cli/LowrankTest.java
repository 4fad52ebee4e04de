package dev.lowrank.engine.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class LowrankTest {
    private static final Path FIXTURE = Path.of("src/test/resources/fixtures/llama-tiny");
    private static final int SIGTERM = 130;

    @TempDir
    private Path folder;

    private Path spec = Path.of("");

    @BeforeEach
    void writeSpec() throws IOException {
        spec = spec("\"max_steps\": 6, \"epochs\": 2");
    }

    @Test
    void trainWritesAdapterAndMetricsAndSaysSoInJson() throws IOException {
        CommandLineRun ran = run("train", spec.toString(), "--json");
        assertThat(ran.code()).as(ran.err()).isZero();
        JsonNode line = JsonMapper.shared().readTree(ran.out());
        assertThat(line.required("verified").asBoolean()).isTrue();
        assertThat(line.required("steps").asInt()).isEqualTo(6);
        assertThat(folder.resolve("out/adapter_model.safetensors")).exists();
        assertThat(Files.readAllLines(folder.resolve("out/metrics.jsonl"))).hasSize(6);
    }

    @Test
    void secondRunIntoTheSameFolderIsRefusedUnlessItResumes() {
        assertThat(run("train", spec.toString()).code()).isZero();
        CommandLineRun again = run("train", spec.toString());
        assertThat(again.code()).isEqualTo(1);
        assertThat(again.err()).contains("add --resume").hasLineCount(1);
        assertThat(run("train", spec.toString(), "--resume").code()).isZero();
    }

    @Test
    void terminatedRunSavesItsPlaceAndResumesToTheSameBytes() throws Exception {
        Path longer = spec("\"max_steps\": 400, \"epochs\": 400");
        assertThat(run(
                                "train",
                                longer.toString(),
                                "--output",
                                folder.resolve("whole").toString())
                        .code())
                .isZero();
        Path log = folder.resolve("log");
        List<String> command = new ArrayList<>(List.of(
                ProcessHandle.current().info().command().orElseThrow(),
                "--enable-native-access=ALL-UNNAMED",
                "--add-modules",
                "jdk.incubator.vector",
                "-cp",
                System.getProperty("java.class.path"),
                Lowrank.class.getName(),
                "train",
                longer.toString(),
                "--output",
                folder.resolve("parts").toString()));
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        Path firstCheckpoint = folder.resolve("parts/checkpoints");
        while (process.isAlive() && !Files.exists(firstCheckpoint)) {
            Thread.onSpinWait();
        }
        process.destroy();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).as(Files.readString(log)).isEqualTo(SIGTERM);
        assertThat(Files.readString(log)).contains("go on with --resume");
        assertThat(run(
                                "train",
                                longer.toString(),
                                "--output",
                                folder.resolve("parts").toString(),
                                "--resume")
                        .code())
                .isZero();
        assertThat(folder.resolve("parts/adapter_model.safetensors"))
                .hasSameBinaryContentAs(folder.resolve("whole/adapter_model.safetensors"));
    }

    @Test
    void whatIsWrongIsOneSentence() throws IOException {
        assertThat(run("train", folder.resolve("none.json").toString()).err())
                .contains("no spec file")
                .hasLineCount(1);
        Path wrong = Files.writeString(
                folder.resolve("wrong.json"), "{\"base_model\": \"x\", \"training_file\": \"y\", \"outptu\": \"z\"}");
        CommandLineRun ran = run("train", wrong.toString());
        assertThat(ran.code()).isEqualTo(1);
        assertThat(ran.err())
                .contains("\"outptu\" is not a known setting; did you mean \"output\"?")
                .hasLineCount(1);
        assertThat(run("evaluate", "--model", folder.toString(), "--data", "x").err())
                .hasLineCount(1);
        assertThat(run("inspect", folder.resolve("nothing").toString()).err())
                .contains("nothing at")
                .hasLineCount(1);
        assertThat(run("fly").code()).isEqualTo(2);
    }

    @Test
    void inspectAnalyzesAnAdapterAsTableJsonAndPicture() throws IOException {
        String adapter = FIXTURE.resolve("trained-adapter").toString();
        String base = FIXTURE.resolve("model").toString();
        Path picture = folder.resolve("a.svg");
        CommandLineRun table = run(
                "inspect", adapter, "--analyze", "--base", base, "--against", adapter, "--picture", picture.toString());
        assertThat(table.code()).as(table.err()).isZero();
        assertThat(table.out()).contains("model.layers.1.self_attn.q_proj", "amplified", "1.000");
        assertThat(Files.readString(picture)).startsWith("<svg").contains("Directions in common");
        CommandLineRun json = run("inspect", adapter, "--analyze", "--json");
        assertThat(JsonMapper.shared().readTree(json.out()).required("layers").size())
                .isEqualTo(14);
        assertThat(run("inspect", adapter, "--picture", picture.toString()).err())
                .contains("add --analyze");
        assertThat(run("inspect", adapter, "--analyze", "--picture", "nowhere/a.svg")
                        .err())
                .contains("in a folder that exists")
                .hasLineCount(1);
        assertThat(run("inspect", base, "--analyze").err())
                .contains("is a model folder, not an adapter")
                .hasLineCount(1);
    }

    @Test
    void inspectSaysWhatAModelAnAdapterACheckpointAndADatasetHold() {
        run("train", spec.toString());
        assertThat(run("inspect", FIXTURE.resolve("model").toString()).out()).contains("llama", "layers");
        assertThat(run("inspect", folder.resolve("out").toString()).out()).contains("PEFT LoRA adapter", "rank");
        assertThat(run(
                                "inspect",
                                folder.resolve("out/checkpoints/step-00000006").toString())
                        .out())
                .contains("checkpoint", "6", "true");
        CommandLineRun rows = run("inspect", FIXTURE.resolve("rows.jsonl").toString(), "--json");
        assertThat(rows.code()).isZero();
        assertThat(JsonMapper.shared().readTree(rows.out()).required("rows").asInt())
                .isEqualTo(10);
    }

    private Path spec(String extent) throws IOException {
        return Files.writeString(folder.resolve("spec.json"), """
                {"base_model": "%s", "training_file": "%s", "output": "%s", "adapter": {"rank": 2},
                 "training": {"learning_rate": 0.01, "micro_batch_size": 2, "checkpoint_every_steps": 2, %s}}
                """.formatted(
                        FIXTURE.resolve("model").toAbsolutePath(),
                        FIXTURE.resolve("rows.jsonl").toAbsolutePath(),
                        folder.resolve("out"),
                        extent));
    }

    private static CommandLineRun run(String... args) {
        return CommandLineRun.of(args);
    }
}
