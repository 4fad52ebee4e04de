package dev.lowrank.node;

import dev.lowrank.db.queue.Checkpoint;
import dev.lowrank.db.queue.JobReports;
import dev.lowrank.db.queue.Lease;
import dev.lowrank.engine.train.CheckpointFolder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A job's checkpoints on the disk and in the database: known ones are resumed from, the newest few are kept. */
record Checkpoints(Folders folders) {
    static final int KEPT = 3;
    private static final Logger LOG = LoggerFactory.getLogger(Checkpoints.class);

    /** Puts the job's known checkpoints into a new attempt's folder, where the engine looks for them. */
    void bring(List<Checkpoint> known, Path attempt) {
        for (Checkpoint checkpoint : known) {
            Path folder = folders.run(checkpoint.directory());
            Path target = within(attempt).resolve(folder.getFileName());
            try {
                if (Files.isDirectory(folder) && !Files.exists(target)) {
                    HardLinks.folder(folder, target);
                }
            } catch (IOException e) {
                throw new UncheckedIOException("Cannot bring the checkpoint " + folder + " to " + target, e);
            }
        }
    }

    /** Makes a complete checkpoint known, then lets those go that are too many. */
    void register(JobReports reports, Lease lease, CheckpointFolder folder, String metrics) {
        reports.checkpoint(
                lease,
                new Checkpoint(
                        folder.step(),
                        folders.relative(folder.directory()),
                        folder.manifestSha256(),
                        folder.bytes(),
                        metrics));
        reports.checkpoints(lease).stream().skip(KEPT).forEach(old -> {
            reports.checkpointRemoved(lease, old.step());
            removeFiles(lease, old);
        });
    }

    /** Its own files, and the names that attempts which resumed from it gave them. */
    private void removeFiles(Lease lease, Checkpoint old) {
        Path folder = folders.run(old.directory());
        Path job = Objects.requireNonNull(folders.attempt(lease).getParent());
        try (Stream<Path> attempts = Files.list(job)) {
            HardLinks.remove(folder);
            for (Path attempt : attempts.toList()) {
                HardLinks.remove(within(attempt).resolve(folder.getFileName()));
            }
        } catch (IOException e) {
            LOG.warn("The files of the old checkpoint {} could not be removed: {}", old.directory(), e.toString());
        }
    }

    private static Path within(Path attempt) {
        return attempt.resolve("checkpoints");
    }
}
