package dev.lowrank.local;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InstallationTest {
    @TempDir
    Path home;

    @Test
    void modulesOfOursRunFromTheirClassesWhereverTheirJarLies() throws Exception {
        Files.createDirectories(home.resolve("worker/node/target"));
        Files.writeString(
                home.resolve("worker/node/target/classpath"),
                "/m2/dev/lowrank/lowrank-engine/0.1.0/lowrank-engine-0.1.0.jar:/old/db/target/classes:/m2/slf4j-api.jar\n");
        assertThat(new Installation(home).classpath(Module.NODE))
                .containsExactly(
                        home + "/worker/node/target/classes",
                        home + "/worker/engine/target/classes",
                        home + "/db/target/classes",
                        "/m2/slf4j-api.jar");
    }

    @Test
    void moduleThatIsNotBuiltIsSaidSo() {
        assertThatThrownBy(() -> new Installation(home).classpath(Module.NODE))
                .isInstanceOf(Problem.class)
                .hasMessageContaining("Module worker/node is not built")
                .hasMessageContaining("./lowrank");
    }
}
