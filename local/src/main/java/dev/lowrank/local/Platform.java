package dev.lowrank.local;

import static java.util.Objects.requireNonNull;

import dev.lowrank.local.files.DataFolder;
import dev.lowrank.local.postgres.PostgresServer;
import dev.lowrank.local.process.Child;
import dev.lowrank.local.process.ChildEvents;
import dev.lowrank.local.process.Program;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A whole platform on this machine: PostgreSQL, API and workers, each a process that is started again when it dies.
 * Closing it stops the workers first (they write checkpoints), then the API, then the database.
 */
final class Platform implements AutoCloseable {
    private static final Duration DATABASE_START = Duration.ofSeconds(60);
    private static final Duration SERVERS_START = Duration.ofSeconds(120);
    private static final int SHOWN_LOG_LINES = 6;
    private static final Duration PIPE_DELAY = Duration.ofMillis(300);
    private static final Duration CHECKPOINT_GRACE = Duration.ofSeconds(20);
    private static final Duration STOP_GRACE = Duration.ofSeconds(10);

    private final Installation installation;
    private final PlatformSettings settings;
    private final DataFolder data;
    private final StartupLines startup;
    private final Runnable afterClose;
    /** In the order of their start: the database, if it is ours, then the API. */
    private final List<Child> servers = new ArrayList<>();

    private final List<Child> workers = new ArrayList<>();
    private Servers.@Nullable Database database;
    private boolean closed;

    private Platform(
            Installation installation,
            PlatformSettings settings,
            DataFolder data,
            ChildEvents events,
            Runnable afterClose) {
        this.installation = installation;
        this.settings = settings;
        this.data = data;
        this.startup = new StartupLines(events);
        this.afterClose = afterClose;
    }

    /**
     * Starts everything and returns when the API answers and every worker is ready for jobs.
     *
     * @param afterClose runs when everything is stopped, also when it is stopped by Ctrl-C
     * @throws Problem with the reason, when it does not come up; nothing is left running then
     */
    static Platform start(Installation installation, PlatformSettings settings, ChildEvents events, Runnable afterClose)
            throws IOException, InterruptedException {
        requireModels(settings);
        DataFolder data = own(settings);
        Platform platform = new Platform(installation, settings, data, events, afterClose);
        Runtime.getRuntime().addShutdownHook(new Thread(platform::close, "stop-platform"));
        try {
            platform.start();
            platform.startup.started();
            return platform;
        } catch (IOException | InterruptedException | RuntimeException e) {
            platform.close();
            throw e;
        }
    }

    private static DataFolder own(PlatformSettings settings) throws IOException {
        try {
            return DataFolder.own(
                    settings.data(),
                    "%s (process %d)"
                            .formatted(
                                    console(settings), ProcessHandle.current().pid()));
        } catch (DataFolder.AlreadyOwnedException e) {
            throw new Problem(
                    "Lowrank already runs on %s: %s; stop it, or choose another folder with --data DIR."
                            .formatted(settings.data(), e.getMessage()),
                    e);
        }
    }

    private void start() throws IOException, InterruptedException {
        requireFreePort();
        Servers programs = new Servers(installation);
        Servers.Database address = startDatabase();
        database = address;
        Child api = launch(programs.api(address, located()), servers);
        for (int i = 1; i <= settings.workers(); i++) {
            launch(programs.worker("worker-" + i, address, located()), workers);
        }
        ApiProbe probe = new ApiProbe(console());
        awaitReady(api, probe::isReady);
        for (Child worker : workers) {
            awaitReady(worker, () -> startup.isReady(worker.name()));
        }
        // The line with the key was written before the API was ready, but may still be on its way through the pipe.
        Waiting.until(() -> bootstrapKey().isPresent(), PIPE_DELAY);
    }

    private void requireFreePort() {
        if (!Ports.isFree(settings.port())) {
            throw new Problem(
                    "Port %d is taken by another program; choose another with --port N.".formatted(settings.port()));
        }
    }

    private static void requireModels(PlatformSettings settings) {
        if (!Files.isDirectory(settings.models())) {
            throw new Problem("There is no folder %s; name the folder that holds base models with --models DIR."
                    .formatted(settings.models()));
        }
    }

    /** The settings with the data folder as it really lies, for processes with other working folders. */
    private PlatformSettings located() throws IOException {
        return new PlatformSettings(
                data.path(), settings.models().toRealPath(), settings.port(), settings.workers(), settings.database());
    }

    private Servers.Database startDatabase() throws IOException, InterruptedException {
        String external = settings.database();
        if (external != null) {
            return new Servers.Database(external, null, null);
        }
        PostgresServer server = PostgresServer.prepare(data.postgres(), programs());
        Child child = launch(server, servers);
        boolean ready = Waiting.until(() -> isReady(server, child) || child.deaths() > 2, DATABASE_START);
        if (!ready || child.deaths() > 2) {
            throw notReady(child);
        }
        return new Servers.Database(server.url(), server.user(), server.password());
    }

    private static boolean isReady(PostgresServer server, Child child) throws IOException {
        Process process = child.process();
        return process != null && server.isReady(process);
    }

    private static Path programs() {
        return Path.of(System.getProperty("user.home"), ".lowrank");
    }

    private synchronized Child launch(Program program, List<Child> among) {
        if (closed) {
            throw new Problem("Stopped while starting.");
        }
        Child child = Child.start(program, data.log(program.name()), startup);
        among.add(child);
        return child;
    }

    private void awaitReady(Child child, Waiting.Question isReady) throws IOException, InterruptedException {
        boolean ready = Waiting.until(() -> isReady.isTrue() || child.deaths() > 2, SERVERS_START);
        if (!ready || !isReady.isTrue()) {
            throw notReady(child);
        }
    }

    private Problem notReady(Child child) {
        List<String> told = child.lastLines().stream()
                .filter(line -> !line.isBlank() && !line.startsWith("\tat ") && !line.startsWith("\t... "))
                .toList();
        String lastLines = String.join("\n  ", told.subList(Math.max(0, told.size() - SHOWN_LOG_LINES), told.size()));
        return new Problem("The %s did not start; its log is %s and ends:%n  %s"
                .formatted(child.name(), data.log(child.name()), lastLines));
    }

    URI console() {
        return console(settings);
    }

    private static URI console(PlatformSettings settings) {
        return URI.create("http://127.0.0.1:" + settings.port());
    }

    Path dataFolder() {
        return data.path();
    }

    /** The key that the API made at its very first start on this data; later starts make none. */
    Optional<String> bootstrapKey() {
        return startup.bootstrapKey();
    }

    /** How the servers reach the database. */
    Servers.Database database() {
        return requireNonNull(database);
    }

    /** All children, the database first. */
    synchronized List<Child> children() {
        List<Child> children = new ArrayList<>(servers);
        children.addAll(workers);
        return children;
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        try {
            workers.forEach(Child::askToStop);
            for (Child worker : workers) {
                worker.stop(CHECKPOINT_GRACE);
            }
            for (Child server : servers.reversed()) {
                server.stop(STOP_GRACE);
            }
            data.close();
            afterClose.run();
        } catch (IOException e) {
            // The system drops the ownership with this process.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
