package dev.lowrank.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lowrank.local.process.Sessions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** OpenAI's own client for Node, as npm delivers it, from upload to checkpoints. */
@Timeout(300)
class OpenAiClientE2eTest {
    private static final Path SOURCE = Path.of("src/test/openai-client");
    private static final String SETTINGS = """
            {"lowrank": {"adapter": {"rank": 4},
                         "training": {"max_steps": 12, "micro_batch_size": 4, "learning_rate": 0.002, "checkpoint_every_steps": 4}}}""";

    @TempDir
    Path folder;

    @Test
    void uploadsCreatesFollowsEventsAndListsCheckpoints() throws Exception {
        Path client = installClient();
        try (PlatformUnderTest platform = PlatformUnderTest.start(folder, 1)) {
            JsonNode seen = drive(client, platform);

            assertThat(seen.at("/file/status").asString()).isEqualTo("processed");
            assertThat(seen.at("/file/sameContent").asBoolean()).isTrue();
            assertThat(seen.at("/created/object").asString()).isEqualTo("fine_tuning.job");
            assertThat(seen.at("/job/status").asString())
                    .as(seen.path("job").toString())
                    .isEqualTo("succeeded");
            assertThat(seen.at("/job/fine_tuned_model").asString())
                    .startsWith("ft:lowrank-starter:")
                    .contains("openai-client");
            assertThat(seen.at("/job/trained_tokens").asInt()).isPositive();
            assertThat(seen.at("/job/seed").asInt()).isEqualTo(7);
            assertThat(seen.at("/job/metadata/made_by").asString()).isEqualTo("openai-node");
            assertThat(seen.at("/job/lowrank/training/max_steps").asInt()).isEqualTo(12);
            assertThat(steps(seen.path("events"), "/data/step")).contains("1", "12");
            assertThat(ids(seen.path("events"))).doesNotHaveDuplicates().hasSizeGreaterThan(5); // more than a page
            assertThat(steps(seen.path("checkpoints"), "/step_number")).containsExactly("12", "8", "4");
            assertThat(seen.path("jobs")).hasSize(1);
            assertThat(seen.path("models").toString()).contains("\"lowrank-starter\"");
            assertThat(seen.path("results").asString()).startsWith("step,train_loss");
            assertThat(seen.path("failures").toString())
                    .isEqualTo("{\"unknownJob\":\"NotFoundError\",\"wrongKey\":\"AuthenticationError\","
                            + "\"unknownModel\":\"BadRequestError\"}");
        }
    }

    private static List<String> steps(JsonNode entries, String pointer) {
        return StreamSupport.stream(entries.spliterator(), false)
                .map(entry -> entry.at(pointer).asString(""))
                .filter(step -> !step.isEmpty())
                .toList();
    }

    private static List<String> ids(JsonNode entries) {
        return StreamSupport.stream(entries.spliterator(), false)
                .map(entry -> entry.path("id").asString())
                .toList();
    }

    /** Kept between runs as long as the lock file stays the same. */
    private static Path installClient() throws IOException, InterruptedException {
        assumeTrue(Sessions.isOnPath("node") && Sessions.isOnPath("npm"), "Node.js and npm are not installed");
        Path client = Path.of("target/openai-client").toAbsolutePath();
        Path lock = client.resolve("node_modules/.installed-lock.json");
        if (Files.exists(lock) && Files.mismatch(lock, SOURCE.resolve("package-lock.json")) == -1) {
            Files.copy(
                    SOURCE.resolve("drive.mjs"),
                    client.resolve("drive.mjs"),
                    java.nio.file.StandardCopyOption.REPLACE_EXISTING);
            return client;
        }
        Files.createDirectories(client);
        for (String name : List.of("package.json", "package-lock.json", ".npmrc", "drive.mjs")) {
            Files.copy(SOURCE.resolve(name), client.resolve(name), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        }
        Run install = run(client, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts");
        assumeTrue(install.exitCode() == 0, "npm could not install the client: " + install.output());
        Files.copy(SOURCE.resolve("package-lock.json"), lock);
        return client;
    }

    private JsonNode drive(Path client, PlatformUnderTest platform) throws IOException, InterruptedException {
        Run run = run(
                client,
                "node",
                "drive.mjs",
                platform.platform.console() + "/v1",
                platform.key(),
                "lowrank-starter",
                platform.rows(40).toString(),
                SETTINGS);
        assertThat(run.exitCode()).as(run.output()).isZero();
        return JsonMapper.shared().readTree(run.output().lines().toList().getLast());
    }

    private record Run(int exitCode, String output) {}

    private static Run run(Path directory, String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectErrorStream(true)
                .start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Run(process.waitFor(), output);
    }
}
