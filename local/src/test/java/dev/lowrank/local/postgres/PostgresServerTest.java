package dev.lowrank.local.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.lowrank.local.process.Child;
import dev.lowrank.local.process.ChildEvents;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(90)
class PostgresServerTest {
    private static final Path PROGRAMS = Path.of(System.getProperty("user.home"), ".lowrank");
    private static final Duration GRACE = Duration.ofSeconds(20);

    @TempDir
    Path folder;

    @Test
    void dataPortAndPasswordOutliveTheServer() throws Exception {
        PostgresServer first = PostgresServer.prepare(folder, PROGRAMS);
        ReadyLines events = new ReadyLines();
        Child child = start(first, events);
        execute(first, "create table kept (value integer); insert into kept values (42)");
        assertThat(child.stop(GRACE)).isTrue();

        PostgresServer second = PostgresServer.prepare(folder, PROGRAMS);
        Child again = start(second, new ReadyLines());
        try {
            assertThat(second.port()).isEqualTo(first.port());
            assertThat(second.password()).isEqualTo(first.password());
            assertThat(query(second, "select value from kept")).isEqualTo(42);
        } finally {
            again.stop(GRACE);
        }
    }

    @Test
    void killedServerComesBackOnTheSamePortWithItsData() throws Exception {
        PostgresServer server = PostgresServer.prepare(folder, PROGRAMS);
        ReadyLines events = new ReadyLines();
        Child child = start(server, events);
        try {
            execute(server, "create table kept (value integer); insert into kept values (7)");
            events.ready.clear();
            kill(child.process().pid());
            events.awaitReady();
            assertThat(query(server, "select value from kept")).isEqualTo(7);
            assertThat(child.deaths()).isGreaterThanOrEqualTo(1);
        } finally {
            child.stop(GRACE);
        }
    }

    @Test
    void serverThatAKilledStarterLeftBehindIsStoppedFirst() throws Exception {
        PostgresServer first = PostgresServer.prepare(folder, PROGRAMS);
        CompletableFuture<Process> started = new CompletableFuture<>();
        // The thread outlives the test's use of the process, as a starter that was not killed would.
        Thread starter = Thread.ofPlatform().daemon().start(() -> {
            try {
                Process process = first.start();
                started.complete(process);
                process.getInputStream().transferTo(java.io.OutputStream.nullOutputStream());
                process.waitFor();
            } catch (Exception e) {
                started.completeExceptionally(e);
            }
        });
        Process orphan = started.get();
        awaitReady(first, orphan);
        execute(first, "create table kept (value integer); insert into kept values (1)");

        PostgresServer second = PostgresServer.prepare(folder, PROGRAMS);

        assertThat(orphan.isAlive()).isFalse();
        starter.join();
        Child child = start(second, new ReadyLines());
        try {
            assertThat(second.port()).isEqualTo(first.port());
            assertThat(query(second, "select value from kept")).isEqualTo(1);
        } finally {
            child.stop(GRACE);
        }
    }

    @Test
    void pidFileThatNamesAnotherProgramIsNoObstacle() throws Exception {
        PostgresServer server = PostgresServer.prepare(folder, PROGRAMS);
        long another = ProcessHandle.current().pid();
        Files.writeString(
                folder.resolve("cluster/postmaster.pid"),
                another + "\n" + folder + "\n0\n5432\n\n127.0.0.1\n0 0\nready\n");
        Child child = start(server, new ReadyLines());
        try {
            assertThat(query(server, "select 5")).isEqualTo(5);
            assertThat(child.deaths()).isZero();
        } finally {
            child.stop(GRACE);
        }
    }

    @Test
    void rootCanRunItAsNobodyWhereNamespacesAreForbidden() throws Exception {
        assumeTrue(Unprivileged.forThisUser() != Unprivileged.AS_WE_ARE, "not root");
        assumeTrue(Unprivileged.AS_NOBODY.works(), "setpriv does not work here");
        PostgresServer server = PostgresServer.prepare(folder, PROGRAMS, Unprivileged.AS_NOBODY);
        Child child = start(server, new ReadyLines());
        assertThat(query(server, "select 3")).isEqualTo(3);
        assertThat(child.stop(GRACE)).isTrue();
    }

    @Test
    void passwordIsReadableByItsOwnerOnly() throws Exception {
        new PostgresFolder(folder).password();
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("password"))))
                .isEqualTo("rw-------");
    }

    @Test
    void connectionWithoutThePasswordIsRefused() throws Exception {
        PostgresServer server = PostgresServer.prepare(folder, PROGRAMS);
        Child child = start(server, new ReadyLines());
        try {
            org.assertj.core.api.Assertions.assertThatThrownBy(
                            () -> DriverManager.getConnection(server.url(), server.user(), "guess"))
                    .isInstanceOf(SQLException.class)
                    .hasMessageContaining("authentication failed");
        } finally {
            child.stop(GRACE);
        }
    }

    private Child start(PostgresServer server, ReadyLines events) throws InterruptedException {
        Child child = Child.start(server, folder.resolve("postgres.log"), events);
        events.awaitReady();
        return child;
    }

    private static void awaitReady(PostgresServer server, Process process) throws Exception {
        while (!server.isReady(process)) {
            assertThat(process.isAlive()).isTrue();
            Thread.onSpinWait();
        }
    }

    private static void kill(long pid) {
        ProcessHandle.of(pid).orElseThrow().destroyForcibly();
    }

    private static void execute(PostgresServer server, String sql) throws SQLException {
        try (Connection connection = connect(server);
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    private static int query(PostgresServer server, String sql) throws SQLException {
        try (Connection connection = connect(server);
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            rows.next();
            return rows.getInt(1);
        }
    }

    private static Connection connect(PostgresServer server) throws SQLException {
        return DriverManager.getConnection(server.url(), server.user(), server.password());
    }

    /** Waits for the server's own line that it takes connections. */
    private static final class ReadyLines implements ChildEvents {
        private final LinkedBlockingQueue<String> ready = new LinkedBlockingQueue<>();

        @Override
        public void line(String child, String line) {
            if (line.contains("database system is ready to accept connections")) {
                ready.add(line);
            }
        }

        void awaitReady() throws InterruptedException {
            assertThat(ready.poll(60, TimeUnit.SECONDS)).isNotNull();
        }
    }
}
