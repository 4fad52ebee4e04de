package dev.lowrank.local;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Runs the launcher script in a folder of fake modules, with a PATH that holds only what a test puts there. */
@Timeout(60)
class LauncherTest {
    private static final Path SCRIPT = Path.of("..", "lowrank").toAbsolutePath().normalize();
    private static final List<String> MODULES =
            List.of("kernels", "worker/engine", "db", "worker/node", "platform-api", "local");
    private static final List<String> TOOLS = List.of(
            "bash",
            "env",
            "dirname",
            "readlink",
            "grep",
            "sed",
            "find",
            "head",
            "cat",
            "cut",
            "mkdir",
            "rm",
            "mv",
            "sleep",
            "stty",
            "tar",
            "gzip",
            "touch",
            "sha512sum");
    private static final String MAVEN = """
            #!/bin/sh
            if [ "$1" = --version ]; then echo "Apache Maven %s (fake)"; exit 0; fi
            echo "$@" JAVA_HOME=$JAVA_HOME >> %s
            for m in kernels worker/engine db worker/node platform-api local; do
              mkdir -p $m/target/classes; echo "$PWD/kernels/target/lowrank-kernels-0.1.0-SNAPSHOT.jar" > $m/target/classpath
            done
            sleep 0.3
            """;

    @TempDir
    Path folder;

    private Path root;
    private Path bin;
    private Path mavenLog;

    @BeforeEach
    void makeFakeMachine() throws IOException {
        root = Files.createDirectories(folder.resolve("house")).toRealPath();
        bin = Files.createDirectories(folder.resolve("bin"));
        mavenLog = folder.resolve("maven.log");
        Files.copy(SCRIPT, root.resolve("lowrank"));
        Files.setPosixFilePermissions(root.resolve("lowrank"), PosixFilePermissions.fromString("rwxr-xr-x"));
        Files.writeString(root.resolve("pom.xml"), "<project/>");
        for (String module : MODULES) {
            Files.createDirectories(root.resolve(module).resolve("src/main"));
            Files.writeString(root.resolve(module).resolve("pom.xml"), "<project/>");
        }
        for (String tool : TOOLS) {
            program(bin.resolve(tool), "#!/bin/sh\nexec %s \"$@\"\n".formatted(installed(tool)));
        }
        jdk("jdk-17", "17.0.15");
        Files.createSymbolicLink(bin.resolve("java"), folder.resolve("jdk-17/bin/java"));
    }

    @Test
    void findsTheJdk25BesideTheJava17OnThePath() throws Exception {
        jdk("jdk-25", "25.0.3");
        maven("3.8.7");
        Run run = lowrank("up", "--port", "9");
        assertThat(run.exitCode()).isZero();
        assertThat(run.output())
                .contains("jdk-25 runs")
                .contains("dev.lowrank.local.LocalMain up --port 9")
                .contains("-Dlowrank.home=" + root);
        assertThat(Files.readString(mavenLog))
                .contains("JAVA_HOME=" + folder.toRealPath().resolve("jdk-25"));
    }

    @Test
    void javaHomeComesBeforeTheUsualFolders() throws Exception {
        jdk("jdk-25", "25.0.3");
        Path chosen = jdk("my-own", "25");
        maven("3.9.9");
        assertThat(lowrank(Map.of("JAVA_HOME", chosen.toString()), "up").output())
                .contains("my-own runs");
    }

    @Test
    void withoutAJdk25SaysWhatToInstall() throws Exception {
        Run run = lowrank("up");
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.output())
                .startsWith("lowrank: no JDK 25 was found; install one")
                .hasLineCount(1);
    }

    @Test
    void tooOldMavenIsNotUsedAndWithoutADownloaderTheRemedyIsSaid() throws Exception {
        jdk("jdk-25", "25.0.3");
        maven("3.6.3");
        Run run = lowrank("up");
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.output()).contains("neither curl nor wget").contains("install Maven 3.8.7 or newer");
        assertThat(mavenLog).doesNotExist();
    }

    @Test
    void downloadedMavenWithAnotherDigestIsRefusedAndRemoved() throws Exception {
        jdk("jdk-25", "25.0.3");
        program(bin.resolve("curl"), """
                #!/bin/sh
                while [ "$1" != -o ]; do shift; done
                echo "not maven" > "$2"
                echo "asked for $3" >&2
                """);
        Run run = lowrank("up");
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.output())
                .contains("asked for https://archive.apache.org/dist/maven/")
                .contains("SHA-512 differs");
        try (Stream<Path> left = Files.list(folder.resolve("tools"))) {
            assertThat(left).isEmpty();
        }
    }

    @Test
    void buildsOnlyWhatChangedSinceTheLastBuild() throws Exception {
        jdk("jdk-25", "25.0.3");
        maven("3.8.7");
        assertThat(lowrank("up").output()).contains("Building Lowrank (the first time");
        assertThat(lowrank("up").output()).doesNotContain("Building");
        Files.writeString(root.resolve("db/src/main/New.java"), "class New {}");
        assertThat(lowrank("up").output()).contains("Building Lowrank…");
        assertThat(lowrank("up").output()).doesNotContain("Building");
        Files.delete(root.resolve("db/src/main/New.java"));
        assertThat(lowrank("up").output()).contains("Building Lowrank…");
        assertThat(Files.readAllLines(mavenLog)).hasSize(3);
    }

    @Test
    void siblingModulesRunFromTheirClassesNotFromTheirJars() throws Exception {
        jdk("jdk-25", "25.0.3");
        maven("3.8.7");
        assertThat(lowrank("train", "spec.json").output())
                .contains("dev.lowrank.engine.cli.Lowrank train spec.json")
                .contains("-cp %1$s/worker/engine/target/classes:%1$s/kernels/target/classes ".formatted(root));
    }

    @Test
    void failedBuildShowsMavensOutput() throws Exception {
        jdk("jdk-25", "25.0.3");
        program(bin.resolve("mvn"), """
                #!/bin/sh
                if [ "$1" = --version ]; then echo "Apache Maven 3.9.9"; exit 0; fi
                echo "[ERROR] that does not compile"; exit 1
                """);
        Run run = lowrank("demo");
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.output()).contains("[ERROR] that does not compile").contains("lowrank: the build failed");
        assertThat(root.resolve("target/build.lock")).doesNotExist();
    }

    @Test
    void twoLaunchersAtOnceBuildOnce() throws Exception {
        jdk("jdk-25", "25.0.3");
        maven("3.8.7");
        Process first = start(Map.of(), "up");
        Process second = start(Map.of(), "up");
        assertThat(finish(first).exitCode()).isZero();
        assertThat(finish(second).exitCode()).isZero();
        assertThat(Files.readAllLines(mavenLog)).hasSize(1);
    }

    @Test
    void lockOfADeadBuilderIsNoObstacle() throws Exception {
        jdk("jdk-25", "25.0.3");
        maven("3.8.7");
        Process dead = new ProcessBuilder("true").start();
        dead.waitFor();
        Files.createDirectories(root.resolve("target/build.lock"));
        Files.writeString(root.resolve("target/build.lock/pid"), Long.toString(dead.pid()));
        assertThat(lowrank("up").exitCode()).isZero();
    }

    @Test
    void testIsMavenVerifyWithFurtherWordsPassedOn() throws Exception {
        jdk("jdk-25", "25.0.3");
        maven("3.8.7");
        assertThat(lowrank("test", "-pl", "db").exitCode()).isZero();
        assertThat(Files.readString(mavenLog)).contains("verify -pl db");
    }

    @Test
    void exitCodeIsTheProgramsOwn() throws Exception {
        jdk("jdk-25", "25.0.3");
        maven("3.8.7");
        assertThat(lowrank("generate", "--fail").exitCode()).isEqualTo(3);
    }

    @Test
    void unknownCommandIsOneSentenceAndExitCodeTwo() throws Exception {
        Run run = lowrank("trian");
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.output()).contains("no command \"trian\"").hasLineCount(1);
    }

    @Test
    void withoutArgumentsShowsHelpWithoutNeedingAnything() throws Exception {
        Run run = lowrank();
        assertThat(run.exitCode()).isZero();
        assertThat(run.output()).contains("./lowrank demo").contains("./lowrank test");
    }

    private record Run(int exitCode, String output) {}

    private Run lowrank(String... arguments) throws Exception {
        return lowrank(Map.of(), arguments);
    }

    private Run lowrank(Map<String, String> environment, String... arguments) throws Exception {
        return finish(start(environment, arguments));
    }

    private Process start(Map<String, String> environment, String... arguments) throws IOException {
        List<String> command = new ArrayList<>(List.of(root.resolve("lowrank").toString()));
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().clear();
        builder.environment().put("PATH", bin.toString());
        builder.environment().put("HOME", folder.toString());
        builder.environment().put("LANG", "C.UTF-8");
        builder.environment().put("LOWRANK_TOOLS", folder.resolve("tools").toString());
        builder.environment().put("LOWRANK_JDK_FOLDERS", folder.toRealPath() + "/jdk-*");
        builder.environment().putAll(environment);
        Process process = builder.start();
        process.getOutputStream().close();
        return process;
    }

    private static Run finish(Process process) throws Exception {
        String output = new String(process.getInputStream().readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
        return new Run(process.waitFor(), output);
    }

    private Path jdk(String name, String version) throws IOException {
        Path home = Files.createDirectories(folder.resolve(name));
        Files.createDirectories(home.resolve("bin"));
        Files.writeString(home.resolve("release"), "IMPLEMENTOR=\"Test\"\nJAVA_VERSION=\"" + version + "\"\n");
        program(home.resolve("bin/java"), """
                #!/bin/sh
                echo "%s runs $@"
                case "$*" in *--fail*) exit 3 ;; esac
                """.formatted(name));
        program(home.resolve("bin/javac"), "#!/bin/sh\n");
        return home;
    }

    private void maven(String version) throws IOException {
        program(bin.resolve("mvn"), MAVEN.formatted(version, mavenLog));
    }

    private static void program(Path file, String text) throws IOException {
        Files.writeString(file, text.replace("#!/bin/sh", "#!" + installed("sh")));
        Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private static Path installed(String tool) {
        return Stream.of(System.getenv("PATH").split(":"))
                .map(folder -> Path.of(folder, tool))
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow(() -> new AssertionError(tool + " is not installed"));
    }
}
