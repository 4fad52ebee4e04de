package dev.lowrank.local;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** One server alone, in the foreground, against a database that somebody else runs. */
abstract sealed class ForegroundCommand implements Callable<Integer> {
    private static final int STOP_GRACE_SECONDS = 25;

    @Option(
            names = "--database",
            paramLabel = "URL",
            description = "jdbc:postgresql://host/database (default: LOWRANK_DATABASE_URL);"
                    + " user and password in LOWRANK_DATABASE_USER and LOWRANK_DATABASE_PASSWORD")
    private @Nullable String database;

    @Option(
            names = "--data",
            paramLabel = "DIR",
            description = "files, checkpoints and adapters; API and workers share it (default: data beside ./lowrank)")
    private @Nullable Path data;

    @Option(names = "--models", paramLabel = "DIR", description = "folders of base models (default: starter/models)")
    private @Nullable Path models;

    abstract JavaProgram program(Servers servers, Servers.Database address, PlatformSettings settings);

    abstract int port();

    @Override
    public Integer call() throws IOException, InterruptedException {
        Installation installation = Installation.current();
        PlatformSettings settings = new PlatformSettings(
                (data == null ? installation.defaultData() : data).toAbsolutePath(),
                (models == null ? installation.models() : models).toAbsolutePath(),
                port(),
                1,
                database);
        Process process =
                program(new Servers(installation), address(), settings).start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(process), "stop-server"));
        try (InputStream lines = process.getInputStream()) {
            lines.transferTo(System.out);
        }
        return process.waitFor();
    }

    private Servers.Database address() {
        String url = database == null ? System.getenv("LOWRANK_DATABASE_URL") : database;
        if (url == null) {
            throw new Problem("No database is named; say --database jdbc:postgresql://host/database.");
        }
        return new Servers.Database(url, null, null);
    }

    private static void stop(Process process) {
        process.toHandle().destroy();
        try {
            if (!process.waitFor(STOP_GRACE_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** {@code lowrank api}. */
    @Command(
            name = "api",
            mixinStandardHelpOptions = true,
            description = "Runs the API and the console alone, against a PostgreSQL 18 of yours.")
    static final class Api extends ForegroundCommand {
        @Option(names = "--port", paramLabel = "N", description = "port of the API and the console (default: 8080)")
        private int port = UpCommand.DEFAULT_PORT;

        @Override
        JavaProgram program(Servers servers, Servers.Database address, PlatformSettings settings) {
            return servers.api(address, settings);
        }

        @Override
        int port() {
            return port;
        }
    }

    /** {@code lowrank worker}. */
    @Command(
            name = "worker",
            mixinStandardHelpOptions = true,
            description = "Runs one worker alone, against the database of an API that runs elsewhere.")
    static final class Worker extends ForegroundCommand {
        @Override
        JavaProgram program(Servers servers, Servers.Database address, PlatformSettings settings) {
            return servers.worker("worker", address, settings);
        }

        @Override
        int port() {
            return UpCommand.DEFAULT_PORT;
        }
    }
}
