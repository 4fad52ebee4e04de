package dev.lowrank.local.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class ChildTest {
    @TempDir
    Path folder;

    private final LinkedBlockingQueue<String> lines = new LinkedBlockingQueue<>();
    private final LinkedBlockingQueue<String> restarts = new LinkedBlockingQueue<>();

    @Test
    void killedProgramIsStartedAgain() throws Exception {
        Child child = start(Talker.class, "up");
        assertThat(nextLine()).isEqualTo("up");
        child.process().destroyForcibly();
        assertThat(restarts.poll(20, TimeUnit.SECONDS)).contains("exit code 137");
        assertThat(nextLine()).isEqualTo("up");
        assertThat(child.deaths()).isEqualTo(1);
        child.stop(Duration.ofSeconds(10));
    }

    @Test
    void stoppedProgramStaysStoppedAndMayFinishItsWork() throws Exception {
        Child child = start(Talker.class, "up");
        nextLine();
        assertThat(child.stop(Duration.ofSeconds(20))).isTrue();
        assertThat(nextLine()).isEqualTo("work finished");
        assertThat(child.process()).isNull();
        assertThat(restarts).isEmpty();
    }

    @Test
    void programThatWillNotStopIsKilledAfterTheGrace() throws Exception {
        Child child = start(Stubborn.class, "up");
        nextLine();
        assertThat(child.stop(Duration.ofMillis(200))).isFalse();
        assertThat(child.process()).isNull();
    }

    @Test
    void keysDoNotReachTheLogFile() throws Exception {
        Child child = start(Talker.class, "your key is lr_abcdefghijklmnopqrstuvwxyz0123456789 ok");
        assertThat(nextLine()).contains("lr_abcdefghijklmnopqrstuvwxyz");
        child.stop(Duration.ofSeconds(20));
        assertThat(Files.readString(folder.resolve("child.log")))
                .contains("your key is lr_… ok")
                .doesNotContain("abcdef");
    }

    @Test
    void childEndsWhenItsParentIsKilled() throws Exception {
        Process parent = new ProcessBuilder(javaCommand(KilledParent.class))
                .redirectErrorStream(true)
                .start();
        long grandchild;
        try (var output = parent.inputReader()) {
            grandchild = Long.parseLong(output.readLine());
            ProcessHandle child = ProcessHandle.of(grandchild).orElseThrow();
            parent.destroyForcibly();
            child.onExit().get(20, TimeUnit.SECONDS);
            assertThat(child.isAlive()).isFalse();
        }
    }

    private String nextLine() throws InterruptedException {
        return lines.poll(20, TimeUnit.SECONDS);
    }

    private Child start(Class<?> main, String argument) {
        List<String> command = javaCommand(ChildMain.class);
        command.add(main.getName());
        command.add(argument);
        return Child.start(new Command(command), folder.resolve("child.log"), new ChildEvents() {
            @Override
            public void line(String child, String line) {
                lines.add(line);
            }

            @Override
            public void restarting(String child, String ending, Duration wait) {
                restarts.add(ending);
            }
        });
    }

    private static List<String> javaCommand(Class<?> main) {
        return new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                main.getName()));
    }

    private record Command(List<String> command) implements Program {
        @Override
        public String name() {
            return "child";
        }

        @Override
        public Process start() throws IOException {
            return new ProcessBuilder(Sessions.ownSession(command))
                    .redirectErrorStream(true)
                    .start();
        }
    }

    /** Says its argument, waits, and says that its work is finished when it is asked to stop. */
    public static final class Talker {
        public static void main(String[] args) throws InterruptedException {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("work finished")));
            System.out.println(args[0]);
            Thread.currentThread().join();
        }
    }

    /** Never finishes its shutdown. */
    public static final class Stubborn {
        public static void main(String[] args) throws InterruptedException {
            Runtime.getRuntime().addShutdownHook(new Thread(() -> {
                while (true) {
                    java.util.concurrent.locks.LockSupport.park();
                }
            }));
            System.out.println(args[0]);
            Thread.currentThread().join();
        }
    }

    /** Starts a child that would run forever, and says its process id. */
    public static final class KilledParent {
        public static void main(String[] args) throws Exception {
            List<String> command = javaCommand(ChildMain.class);
            command.add(Talker.class.getName());
            command.add("up");
            Process child = new Command(command).start();
            System.out.println(child.pid());
            child.waitFor();
        }
    }
}
