package dev.lowrank.local.demo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.lowrank.local.terminal.Terminal;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class SampleJobTest {
    @TempDir
    Path folder;

    private final ByteArrayOutputStream written = new ByteArrayOutputStream();
    private Path starter;

    @BeforeEach
    void makeStarter() throws IOException {
        starter = folder.resolve("starter");
        Files.createDirectories(starter.resolve("data"));
        Files.writeString(starter.resolve("data/train.jsonl"), "{\"a\":1}\n{\"a\":2}\n");
        Files.writeString(starter.resolve("data/validation.jsonl"), "{\"a\":3}\n");
        Files.writeString(starter.resolve("demo-job.json"), "{\"model\":\"lowrank-starter\",\"suffix\":\"sample\"}");
    }

    @Test
    void goesFromUploadToUnpackedAdapter() throws Exception {
        try (FakeApi server = new FakeApi(adapter());
                ApiClient api = server.client()) {
            TrainedJob trained = new SampleJob(api, terminal(true), starter).run(folder.resolve("adapters"));

            assertThat(trained.adapter()).isEqualTo(folder.resolve("adapters/sample-v1"));
            assertThat(trained.adapter().resolve("adapter_config.json")).exists();
            assertThat(trained.steps()).isEqualTo(3);
            assertThat(trained.firstLoss()).isEqualTo(4.0);
            assertThat(trained.link()).isEqualTo(server.link());
            assertThat(server.requests)
                    .anySatisfy(request -> assertThat(request)
                            .startsWith("POST /v1/files")
                            .contains("filename=\"train.jsonl\"")
                            .contains("{\"a\":2}"))
                    .anySatisfy(request -> assertThat(request)
                            .startsWith("POST /v1/fine_tuning/jobs ")
                            .contains("\"training_file\":\"file-1\"")
                            .contains("\"suffix\":\"sample\""));
        }
        assertThat(text())
                .contains("Uploaded 2 training and 1 validation rows")
                .contains("Training ━")
                .contains("loss 4.000 → 1.333");
    }

    @Test
    void failedJobIsToldWithItsReason() throws Exception {
        try (FakeApi server = new FakeApi(adapter()).whoseJobEnds("failed");
                ApiClient api = server.client()) {
            SampleJob job = new SampleJob(api, terminal(false), starter);
            assertThatThrownBy(() -> job.run(folder.resolve("adapters")))
                    .isInstanceOf(ApiFailure.class)
                    .hasMessage("The job ended as failed: The dog ate it.");
        }
    }

    private Terminal terminal(boolean live) {
        PrintStream out = new PrintStream(written, true, StandardCharsets.UTF_8);
        return new Terminal(out, out, live, false, 100);
    }

    private String text() {
        return written.toString(StandardCharsets.UTF_8);
    }

    private static byte[] adapter() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
            zip.putNextEntry(new ZipEntry("adapter_config.json"));
            zip.write("{}".getBytes(StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }
}
