package dev.lowrank.local;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.local.files.FileTree;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The whole demonstration with a job too short to learn the task: everything works, and the exit code says it did not learn. */
@Timeout(180)
class DemoE2eTest {
    private static final Path HOUSE = Path.of("..").toAbsolutePath().normalize();
    private static final String SHORT_JOB = """
            {"model": "lowrank-starter", "suffix": "short", "seed": 1,
             "lowrank": {"adapter": {"rank": 4}, "training": {"max_steps": 6, "micro_batch_size": 4, "learning_rate": 0.002}}}""";

    @TempDir
    Path folder;

    @AfterEach
    void removeLinks() throws IOException {
        FileTree.delete(folder.resolve("house"));
    }

    @Test
    void goesThroughWholeLifeAndExitsNonZeroWhenTheTaskWasNotLearned() throws Exception {
        Path home = houseWithShortJob();
        Path state = folder.resolve("state");

        Process demo = demo(home, "demo", "--exit", "--json", "--data", state.toString());
        String output = new String(demo.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        assertThat(demo.waitFor()).as(output).isEqualTo(1);
        assertThat(output)
                .contains("Uploaded 40 training and 10 validation rows")
                .contains("Trained 6 steps")
                .contains("Exact match on 5 held-out prompts")
                .contains("of the held-out prompts right; 90.0 % was expected")
                .doesNotContain("\u001b");
        JsonNode json = JsonMapper.shared()
                .readTree(output.lines()
                        .filter(line -> line.startsWith("{\"job\""))
                        .findFirst()
                        .orElseThrow());
        assertThat(Path.of(json.path("adapter").asString()))
                .startsWith(state)
                .isDirectoryContaining("glob:**/adapter_model.safetensors");
        assertThat(json.path("link").asString()).startsWith("http://127.0.0.1:");
        assertThat(json.path("exact_match_after").asDouble()).isLessThan(0.9);
        assertThat(Files.readString(state.resolve("logs/api.log")))
                .contains("lr_…")
                .doesNotContainPattern("lr_[A-Za-z0-9]{8}");
        assertThat(processesWorkingOn(state)).isEmpty();
    }

    /** The modules as they are built, with a small sample task. */
    private Path houseWithShortJob() throws IOException {
        Path home = Files.createDirectories(folder.resolve("house"));
        for (String name : List.of("kernels", "worker", "db", "platform-api", "local")) {
            Files.createSymbolicLink(home.resolve(name), HOUSE.resolve(name));
        }
        Path data = Files.createDirectories(home.resolve("starter/data"));
        Files.createSymbolicLink(home.resolve("starter/models"), HOUSE.resolve("starter/models"));
        copyRows("train.jsonl", 40, data);
        copyRows("validation.jsonl", 10, data);
        copyRows("heldout.jsonl", 5, data);
        Files.writeString(home.resolve("starter/demo-job.json"), SHORT_JOB);
        return home;
    }

    private static void copyRows(String name, int rows, Path target) throws IOException {
        try (Stream<String> lines = Files.lines(HOUSE.resolve("starter/data").resolve(name))) {
            Files.write(target.resolve(name), lines.limit(rows).toList());
        }
    }

    private static Process demo(Path home, String... arguments) throws IOException {
        List<String> command = new java.util.ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dlowrank.home=" + home,
                "-cp",
                String.join(":", new Installation(HOUSE).classpath(Module.LOCAL)),
                LocalMain.class.getName()));
        command.addAll(List.of(arguments));
        return new ProcessBuilder(command).redirectErrorStream(true).start();
    }

    private static List<String> processesWorkingOn(Path state) {
        return ProcessHandle.allProcesses()
                .filter(process -> process.info()
                        .commandLine()
                        .filter(line -> line.contains(state.toString()))
                        .isPresent())
                .map(process -> process.info().commandLine().orElse(""))
                .toList();
    }
}
