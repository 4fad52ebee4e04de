package dev.lowrank.local;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LocalMainTest {
    @TempDir
    Path folder;

    @Test
    void wrongOptionIsOneSentenceAndExitCodeTwo() {
        Run run = run("up", "--prot", "1");
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.errors()).startsWith("lowrank: Unknown option").hasLineCount(1);
    }

    @Test
    void missingModelsFolderIsOneSentence() {
        Run run = run("up", "--data", folder + "/data", "--models", folder + "/none");
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.errors())
                .contains("There is no folder")
                .contains("--models")
                .hasLineCount(1);
        assertThat(folder.resolve("data")).doesNotExist();
    }

    @Test
    void takenPortIsOneSentence() throws Exception {
        try (ServerSocket taken = new ServerSocket(0)) {
            Run run = run(
                    "up",
                    "--data",
                    folder + "/data",
                    "--models",
                    folder.toString(),
                    "--port",
                    "" + taken.getLocalPort());
            assertThat(run.exitCode()).isEqualTo(1);
            assertThat(run.errors())
                    .contains("is taken by another program")
                    .contains("--port")
                    .hasLineCount(1);
        }
    }

    @Test
    void workerWithoutADatabaseIsToldWhatToSay() {
        Run run = run("worker");
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.errors()).contains("--database").hasLineCount(1);
    }

    private record Run(int exitCode, String errors) {}

    private static Run run(String... arguments) {
        PrintStream before = System.err;
        ByteArrayOutputStream errors = new ByteArrayOutputStream();
        System.setErr(new PrintStream(errors, true, StandardCharsets.UTF_8));
        try {
            return new Run(LocalMain.run(arguments), errors.toString(StandardCharsets.UTF_8));
        } finally {
            System.setErr(before);
        }
    }
}
