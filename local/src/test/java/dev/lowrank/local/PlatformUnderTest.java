package dev.lowrank.local;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.local.demo.ApiClient;
import dev.lowrank.local.process.Child;
import dev.lowrank.local.process.ChildEvents;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** A whole platform of real processes, started for tests, with the means to look into its database and to kill its parts. */
final class PlatformUnderTest implements AutoCloseable {
    static final Duration LONG = Duration.ofSeconds(120);
    private static final Set<String> ENDED = Set.of("succeeded", "failed", "cancelled");

    final Installation installation;
    final Platform platform;
    final ApiClient api;
    private final Path folder;

    private PlatformUnderTest(Installation installation, Platform platform, Path folder) {
        this.installation = installation;
        this.platform = platform;
        this.folder = folder;
        this.api = new ApiClient(platform.console(), key());
    }

    static PlatformUnderTest start(Path folder, int workers) throws IOException, InterruptedException {
        Installation installation =
                new Installation(Path.of("..").toAbsolutePath().normalize());
        Platform platform = Platform.start(
                installation,
                new PlatformSettings(folder.resolve("data"), installation.models(), Ports.free(), workers, null),
                new ChildEvents() {},
                () -> {});
        return new PlatformUnderTest(installation, platform, folder);
    }

    String key() {
        return platform.bootstrapKey().orElseThrow();
    }

    /** The first rows of the sample task, as an uploaded file. */
    String upload(int rows) throws IOException, InterruptedException {
        return api.upload(rows(rows)).required("id").asString();
    }

    Path rows(int rows) throws IOException {
        Path file = folder.resolve("train-" + rows + ".jsonl");
        try (Stream<String> lines = Files.lines(installation.starter().resolve("data/train.jsonl"))) {
            return Files.write(file, lines.limit(rows).toList());
        }
    }

    String createJob(String file, String suffix, String settings) throws IOException, InterruptedException {
        ObjectNode request = JsonMapper.shared().createObjectNode();
        request.put("model", "lowrank-starter")
                .put("training_file", file)
                .put("suffix", suffix)
                .put("seed", 11);
        request.set("lowrank", JsonMapper.shared().readTree(settings));
        return api.post("/v1/fine_tuning/jobs", request).required("id").asString();
    }

    JsonNode awaitEnd(String job) throws IOException, InterruptedException {
        assertThat(Waiting.until(() -> ENDED.contains(status(job)), LONG))
                .as("job %s ends", job)
                .isTrue();
        return api.get("/v1/fine_tuning/jobs/" + job);
    }

    JsonNode awaitSuccess(String job) throws IOException, InterruptedException {
        JsonNode ended = awaitEnd(job);
        assertThat(ended.path("status").asString()).as(ended.toString()).isEqualTo("succeeded");
        return ended;
    }

    private String status(String job) throws IOException, InterruptedException {
        return api.get("/v1/fine_tuning/jobs/" + job).path("status").asString();
    }

    /** Until the database answers so; it may be away meanwhile. */
    void await(String query, String parameter) throws IOException, InterruptedException {
        assertThat(Waiting.until(() -> isTrue(query, parameter), LONG))
                .as(query)
                .isTrue();
    }

    private boolean isTrue(String query, String parameter) {
        try {
            return query(query, parameter).getFirst().equals("t");
        } catch (SQLException e) {
            return false;
        }
    }

    /** The first column of each row, as PostgreSQL writes it. */
    List<String> query(String query, String... parameters) throws SQLException {
        Servers.Database database = platform.database();
        try (Connection connection = DriverManager.getConnection(database.url(), database.user(), database.password());
                PreparedStatement statement = connection.prepareStatement(query)) {
            for (int i = 0; i < parameters.length; i++) {
                statement.setString(i + 1, parameters[i]);
            }
            List<String> rows = new ArrayList<>();
            try (ResultSet result = statement.executeQuery()) {
                while (result.next()) {
                    rows.add(result.getString(1));
                }
            }
            return rows;
        }
    }

    /** As {@code kill -9} does. */
    void kill(String child) {
        Child named = platform.children().stream()
                .filter(each -> each.name().equals(child))
                .findFirst()
                .orElseThrow();
        named.process().toHandle().destroyForcibly();
    }

    static void kill(long pid) {
        ProcessHandle.of(pid).orElseThrow().destroyForcibly();
    }

    @Override
    public void close() {
        api.close();
        platform.close();
    }
}
