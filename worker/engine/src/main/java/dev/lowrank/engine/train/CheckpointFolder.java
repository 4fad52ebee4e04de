package dev.lowrank.engine.train;

import dev.lowrank.engine.format.Durable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A complete checkpoint on the disk.
 *
 * @param directory its folder
 * @param step optimizer steps it holds
 * @param manifestSha256 digest of its manifest, which lists size and digest of every other file
 * @param bytes all files together
 */
public record CheckpointFolder(Path directory, int step, String manifestSha256, long bytes) {
    private static final Pattern NAME = Pattern.compile("step-(\\d{8})(\\.tmp)?");

    /** Removes the checkpoints beside it that are older, whoever wrote them; call it when this one and a newer are safe. */
    public void removeOlder() throws IOException {
        try (Stream<Path> beside = Files.list(Objects.requireNonNull(directory.getParent()))) {
            for (Path other : beside.toList()) {
                Matcher name = NAME.matcher(other.getFileName().toString());
                if (name.matches() && Integer.parseInt(name.group(1)) < step) {
                    Durable.deleteTree(other);
                }
            }
        }
    }
}
