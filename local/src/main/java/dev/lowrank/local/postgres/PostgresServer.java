package dev.lowrank.local.postgres;

import dev.lowrank.local.files.FileTree;
import dev.lowrank.local.process.Program;
import dev.lowrank.local.process.Sessions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * A PostgreSQL server on the loopback interface, behind a random password. Its data, port and password outlive it; a
 * server that an earlier, killed starter left behind is stopped before a new one starts.
 */
public final class PostgresServer implements Program {
    private static final String USER = "lowrank";
    private static final Duration ORPHAN_GRACE = Duration.ofSeconds(20);

    private final PostgresFolder folder;
    private final PostgresBinaries binaries;
    private final Unprivileged way;
    private final Postmaster postmaster;
    private final String password;
    private final int port;

    private PostgresServer(PostgresFolder folder, PostgresBinaries binaries, Unprivileged way)
            throws IOException, InterruptedException {
        this.folder = folder;
        this.binaries = binaries;
        this.way = way;
        this.postmaster = new Postmaster(folder.cluster());
        this.password = folder.password();
        stopOrphan();
        this.port = folder.port();
    }

    /**
     * Makes everything ready to start: programs unpacked, cluster made, an orphaned server stopped.
     *
     * @param folder keeps the data between runs
     * @param programs where PostgreSQL's programs are unpacked, once for all data folders
     */
    public static PostgresServer prepare(Path folder, Path programs) throws IOException, InterruptedException {
        return prepare(folder, programs, Unprivileged.forThisUser());
    }

    static PostgresServer prepare(Path folder, Path programs, Unprivileged way)
            throws IOException, InterruptedException {
        Files.createDirectories(folder);
        PostgresServer server = new PostgresServer(
                new PostgresFolder(folder.toRealPath()),
                PostgresBinaries.unpackedUnder(way.programsInsteadOf(programs)),
                way);
        server.createClusterIfMissing();
        return server;
    }

    @Override
    public String name() {
        return "postgres";
    }

    public String url() {
        return "jdbc:postgresql://127.0.0.1:" + port + "/postgres";
    }

    public int port() {
        return port;
    }

    public String user() {
        return USER;
    }

    public String password() {
        return password;
    }

    /** Whether this process takes connections. */
    public boolean isReady(Process process) throws IOException {
        return postmaster.isReady(process.pid());
    }

    @Override
    public Process start() throws IOException {
        postmaster.removeIfOfAnotherProgram();
        List<String> command = new ArrayList<>();
        if (Sessions.isOnPath("setpriv")) {
            // Linux stops it in good order when the thread that started it dies, however that died.
            command.addAll(List.of("setpriv", "--pdeathsig", "INT"));
        }
        command.addAll(List.of(
                binaries.program("postgres").toString(),
                "-D",
                folder.cluster().toString(),
                "-p",
                Integer.toString(port),
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "unix_socket_directories="));
        return new ProcessBuilder(Sessions.ownSession(way.command(command)))
                .redirectErrorStream(true)
                .start();
    }

    /** PostgreSQL's fast shutdown: open transactions are rolled back, clients are disconnected. */
    @Override
    public void askToStop(Process process) {
        signal("INT", process.pid());
    }

    private void stopOrphan() throws IOException, InterruptedException {
        Optional<ProcessHandle> orphan = postmaster.orphan();
        if (orphan.isEmpty()) {
            return;
        }
        signal("INT", orphan.get().pid());
        if (!hasEnded(orphan.get(), ORPHAN_GRACE)) {
            signal("QUIT", orphan.get().pid());
            if (!hasEnded(orphan.get(), ORPHAN_GRACE)) {
                throw new IOException("the PostgreSQL server %d still runs on %s; stop it first"
                        .formatted(orphan.get().pid(), folder.cluster()));
            }
        }
    }

    private static boolean hasEnded(ProcessHandle process, Duration within) throws InterruptedException {
        try {
            process.onExit().get(within.toMillis(), TimeUnit.MILLISECONDS);
            return true;
        } catch (TimeoutException | ExecutionException e) {
            return !process.isAlive();
        }
    }

    private void signal(String signal, long pid) {
        try {
            run(List.of(binaries.program("pg_ctl").toString(), "kill", signal, Long.toString(pid)));
        } catch (IOException e) {
            // It ended in between; whoever waits for its end will see it.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void createClusterIfMissing() throws IOException, InterruptedException {
        if (Files.isDirectory(folder.cluster())) {
            return;
        }
        Path aside = folder.folder().resolve("cluster.new");
        FileTree.delete(aside);
        way.createDataFolder(aside);
        run(List.of(
                binaries.program("initdb").toString(),
                "-D",
                aside.toString(),
                "-U",
                USER,
                "--auth=scram-sha-256",
                "--pwfile=" + folder.passwordFile(),
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8"));
        Files.move(aside, folder.cluster(), StandardCopyOption.ATOMIC_MOVE);
    }

    private void run(List<String> command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(way.command(command))
                .redirectErrorStream(true)
                .start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException("%s failed: %s".formatted(command.getFirst(), output.strip()));
        }
    }
}
