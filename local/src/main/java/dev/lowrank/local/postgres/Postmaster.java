package dev.lowrank.local.postgres;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * What a cluster's {@code postmaster.pid} says about the server that runs on it, or ran on it before it was killed.
 *
 * @param cluster the cluster's folder
 */
record Postmaster(Path cluster) {
    private static final int PID_LINE = 0;
    private static final int STATUS_LINE = 7;

    /** Whether this process serves the cluster and takes connections. */
    boolean isReady(long pid) throws IOException {
        List<String> lines = lines();
        return lines.size() > STATUS_LINE
                && lines.get(PID_LINE).strip().equals(Long.toString(pid))
                && lines.get(STATUS_LINE).strip().equals("ready");
    }

    /** A server that still runs on this cluster, left by a starter that was killed. */
    Optional<ProcessHandle> orphan() throws IOException {
        return recorded().filter(this::servesThisCluster);
    }

    /**
     * Removes a {@code postmaster.pid} whose process is alive but is another program by now: PostgreSQL itself knows
     * only that the number is in use, and would refuse to start.
     */
    void removeIfOfAnotherProgram() throws IOException {
        Optional<ProcessHandle> recorded = recorded();
        if (recorded.isPresent() && !servesThisCluster(recorded.get())) {
            Files.deleteIfExists(file());
        }
    }

    private Optional<ProcessHandle> recorded() throws IOException {
        List<String> lines = lines();
        if (lines.isEmpty() || !lines.getFirst().strip().matches("\\d{1,18}")) {
            return Optional.empty();
        }
        return ProcessHandle.of(Long.parseLong(lines.getFirst().strip())).filter(ProcessHandle::isAlive);
    }

    private boolean servesThisCluster(ProcessHandle process) {
        boolean isPostgres = process.info()
                .command()
                .filter(command -> command.endsWith("/postgres"))
                .isPresent();
        return isPostgres
                && process.info()
                        .arguments()
                        .filter(arguments -> Arrays.asList(arguments).contains(cluster.toString()))
                        .isPresent();
    }

    private List<String> lines() throws IOException {
        try {
            return Files.readAllLines(file());
        } catch (NoSuchFileException e) {
            return List.of();
        }
    }

    private Path file() {
        return cluster.resolve("postmaster.pid");
    }
}
