package dev.lowrank.local;

import dev.lowrank.local.terminal.Terminal;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code lowrank up}: the servers, empty, until Ctrl-C. */
@Command(
        name = "up",
        mixinStandardHelpOptions = true,
        description = "Starts PostgreSQL, the API with its console, and workers; runs until Ctrl-C.")
final class UpCommand implements Callable<Integer> {
    static final int DEFAULT_PORT = 8080;

    @Option(names = "--port", paramLabel = "N", description = "port of the API and the console (default: 8080)")
    private int port = DEFAULT_PORT;

    @Option(names = "--workers", paramLabel = "N", description = "worker processes (default: 1)")
    private int workers = 1;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "where everything is kept (default: data beside ./lowrank)")
    private @Nullable Path data;

    @Option(names = "--models", paramLabel = "DIR", description = "folders of base models (default: starter/models)")
    private @Nullable Path models;

    @Option(
            names = "--database",
            paramLabel = "URL",
            description = "a PostgreSQL 18 of yours instead of the embedded one: jdbc:postgresql://host/database;"
                    + " user and password in LOWRANK_DATABASE_USER and LOWRANK_DATABASE_PASSWORD")
    private @Nullable String database;

    @Override
    public Integer call() throws IOException, InterruptedException {
        Installation installation = Installation.current();
        Terminal terminal = Terminal.current();
        PlatformSettings settings = new PlatformSettings(
                data == null ? installation.defaultData() : data,
                models == null ? installation.models() : models,
                port,
                requireSome(workers),
                database);
        terminal.status(
                "Starting PostgreSQL, the API and %d %s…".formatted(workers, workers == 1 ? "worker" : "workers"));
        Platform platform = Platform.start(installation, settings, new RestartNotices(terminal), () -> {});
        terminal.clearStatus();
        Greeting.print(terminal, platform);
        terminal.line(terminal.dim("Ctrl-C stops it. Logs and all state are in " + platform.dataFolder() + "."));
        new CountDownLatch(1).await();
        return 0;
    }

    private static int requireSome(int workers) {
        if (workers < 0 || workers > 64) {
            throw new Problem("--workers is %d, but must be between 0 and 64.".formatted(workers));
        }
        return workers;
    }
}
