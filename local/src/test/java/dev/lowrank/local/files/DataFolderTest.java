package dev.lowrank.local.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(30)
class DataFolderTest {
    @TempDir
    Path folder;

    @Test
    void secondOwnerIsToldWhoTheFirstIs() throws Exception {
        try (DataFolder first = DataFolder.own(folder.resolve("data"), "http://127.0.0.1:8080 (process 7)")) {
            assertThat(first.path()).isDirectory();
            assertThatThrownBy(() -> DataFolder.own(folder.resolve("data"), "me"))
                    .isInstanceOf(DataFolder.AlreadyOwnedException.class)
                    .hasMessage("http://127.0.0.1:8080 (process 7)");
        }
    }

    @Test
    void folderOfAKilledOwnerIsFree() throws Exception {
        Process owner = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Owner.class.getName(),
                        folder.toString())
                .redirectErrorStream(true)
                .start();
        assertThat(owner.inputReader().readLine()).isEqualTo("owned");
        assertThatThrownBy(() -> DataFolder.own(folder, "me")).isInstanceOf(DataFolder.AlreadyOwnedException.class);
        owner.destroyForcibly().waitFor(10, TimeUnit.SECONDS);
        DataFolder.own(folder, "me").close();
    }

    /** Owns a folder until it is killed. */
    public static final class Owner {
        public static void main(String[] args) throws Exception {
            DataFolder.own(Path.of(args[0]), "the other");
            System.out.println("owned");
            Thread.currentThread().join();
        }
    }
}
