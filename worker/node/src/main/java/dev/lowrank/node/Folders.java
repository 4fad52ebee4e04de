package dev.lowrank.node;

import dev.lowrank.db.queue.Lease;
import java.nio.file.Path;

/**
 * Where things lie on the disk that all workers share. Each attempt has a folder of its own, so that a worker that does
 * not yet know it lost the job writes where nobody reads.
 */
record Folders(Path data, Path models) {
    Folders {
        data = data.toAbsolutePath().normalize();
        models = models.toAbsolutePath().normalize();
    }

    Path blobs() {
        return data.resolve("blobs");
    }

    Path runs() {
        return data.resolve("runs");
    }

    Path attempt(Lease lease) {
        return runs().resolve(lease.jobId()).resolve("attempt-%03d".formatted(lease.attempt()));
    }

    /** A base's folder as it was registered, absolute or below the models. */
    Path base(String registered) {
        return models.resolve(registered).normalize();
    }

    /** How the database names a folder: the data folder may be mounted elsewhere on the next worker. */
    String relative(Path folder) {
        return data.relativize(folder.toAbsolutePath().normalize()).toString();
    }

    /**
     * The folder behind a name from the database.
     *
     * @throws IllegalArgumentException if it would lie outside the runs
     */
    Path run(String relative) {
        Path folder = data.resolve(relative).normalize();
        if (!folder.startsWith(runs())) {
            throw new IllegalArgumentException("Not a folder of a run: " + relative);
        }
        return folder;
    }
}
