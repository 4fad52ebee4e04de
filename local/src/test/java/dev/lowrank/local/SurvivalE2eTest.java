package dev.lowrank.local;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.local.demo.AdapterDownload;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Real processes are killed in the middle of training; jobs succeed all the same, and lose nothing. */
@Timeout(300)
class SurvivalE2eTest {
    private static final int STEPS = 80;
    private static final String SETTINGS = """
            {"adapter": {"rank": 4},
             "training": {"max_steps": %d, "epochs": 100, "micro_batch_size": 4, "learning_rate": 0.002,
                          "max_length": 256, "checkpoint_every_steps": 5}}""".formatted(STEPS);

    @TempDir
    static Path folder;

    private static PlatformUnderTest platform;
    private static String file;
    private static byte @Nullable [] uninterrupted;

    @BeforeAll
    static void startPlatformWithTwoWorkers() throws Exception {
        platform = PlatformUnderTest.start(folder, 2);
        file = platform.upload(100);
    }

    @AfterAll
    static void stopPlatform() {
        platform.close();
    }

    @Test
    void killedWorkersJobIsTakenOverAndEndsInTheSameBytes() throws Exception {
        byte[] expected = uninterruptedAdapter();
        String job = platform.createJob(file, "killed-worker", SETTINGS);
        awaitFirstCheckpoint(job);
        String pid = platform.query("""
                select w.process_id::text from job_attempt a join worker w on w.id = a.worker_id
                where a.job_id = ? and a.ended_at is null""", job).getFirst();
        PlatformUnderTest.kill(Long.parseLong(pid));
        Instant killed = Instant.now();

        platform.awaitSuccess(job);
        assertThat(finished(job)).isAfter(killed);

        assertThat(platform.query("select outcome from job_attempt where job_id = ? order by number", job))
                .containsExactly("lost", "succeeded");
        assertThat(platform.query("select count(distinct worker_id) from job_attempt where job_id = ?", job))
                .containsExactly("2");
        assertThat(platform.query("select (from_step > 0) from job_attempt where job_id = ? and number = 2", job))
                .containsExactly("t");
        assertThat(adapter(job)).isEqualTo(expected);
    }

    @Test
    void killedApiAndKilledPostgresLoseNothing() throws Exception {
        byte[] expected = uninterruptedAdapter();
        String job = platform.createJob(file, "killed-servers", SETTINGS);
        awaitFirstCheckpoint(job);
        platform.kill("api");
        platform.await("select max(step) >= 15 from checkpoint where job_id = ?", job);
        platform.kill("postgres");
        Instant killed = Instant.now();

        JsonNode ended = platform.awaitSuccess(job);
        assertThat(finished(job)).isAfter(killed);

        assertThat(ended.path("trained_tokens").asInt()).isPositive();
        assertThat(platform.query("select step from job_metric where job_id = ? order by step", job))
                .containsExactlyElementsOf(IntStream.rangeClosed(1, STEPS)
                        .mapToObj(Integer::toString)
                        .toList());
        assertThat(adapter(job)).isEqualTo(expected);
    }

    private static void awaitFirstCheckpoint(String job) throws IOException, InterruptedException {
        platform.await("select count(*) > 0 from checkpoint where job_id = ?", job);
    }

    private static Instant finished(String job) throws Exception {
        return Instant.parse(platform.query("""
                select to_char(finished_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                from fine_tuning_job where id = ?""", job).getFirst());
    }

    private static byte[] uninterruptedAdapter() throws Exception {
        byte[] bytes = uninterrupted;
        if (bytes == null) {
            String job = platform.createJob(file, "uninterrupted", SETTINGS);
            platform.awaitSuccess(job);
            assertThat(platform.query("select count(*) from job_attempt where job_id = ?", job))
                    .containsExactly("1");
            bytes = adapter(job);
            uninterrupted = bytes;
        }
        return bytes;
    }

    /** The weights behind the signed link of the version that the job made. */
    private static byte[] adapter(String job) throws Exception {
        List<String> version = platform.query("""
                select a.name || '/versions/' || v.number || ' ' || v.sha256
                from adapter_version v join adapter a on a.id = v.adapter_id where v.job_id = ?""", job);
        assertThat(version).hasSize(1);
        String[] parts = version.getFirst().split(" ");
        JsonNode link = platform.api.post(
                "/v1/adapters/" + parts[0] + "/links", JsonMapper.shared().createObjectNode());
        Path target = folder.resolve("adapters").resolve(job);
        new AdapterDownload(platform.api).into(URI.create(link.required("url").asString()), parts[1], target);
        return Files.readAllBytes(target.resolve("adapter_model.safetensors"));
    }
}
