package dev.lowrank.engine.train;

import dev.lowrank.engine.format.Durable;
import java.io.IOException;
import java.nio.file.Path;

/**
 * A complete checkpoint on the disk.
 *
 * @param directory its folder
 * @param step optimizer steps it holds
 * @param manifestSha256 digest of its manifest, which lists size and digest of every other file
 * @param bytes all files together
 */
public record CheckpointFolder(Path directory, int step, String manifestSha256, long bytes) {
    /** Removes it from the disk. */
    public void delete() throws IOException {
        Durable.deleteTree(directory);
    }
}
