package dev.lowrank.engine.train;

import dev.lowrank.engine.format.Durable;
import dev.lowrank.kernels.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The trained weights at the lowest validation loss so far: one file beside the checkpoints, of which each checkpoint holds
 * a second name. So any checkpoint alone is enough to go on from, wherever it is taken.
 */
final class BestWeights {
    static final String NAME = "best.safetensors";

    private final Path file;
    private final Checkpoints checkpoints;

    BestWeights(Path root, Checkpoints checkpoints) {
        this.file = root.resolve(NAME);
        this.checkpoints = checkpoints;
    }

    /** Replaces the file; returns when the new one is safe on the disk. */
    void save(Map<String, Tensor> weights) throws IOException {
        Files.createDirectories(Objects.requireNonNull(file.getParent()));
        Path draft = file.resolveSibling(NAME + ".tmp");
        Files.deleteIfExists(draft);
        checkpoints.writeState(draft, weights);
        // The old content lives on under its names in older checkpoints.
        Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
        Durable.syncFolder(Objects.requireNonNull(file.getParent()));
    }

    void load(Map<String, Tensor> weights) throws IOException {
        checkpoints.load(file, weights);
    }

    /** Gives the file, if there is one, a second name in a folder. */
    void linkInto(Path folder) throws IOException {
        if (Files.exists(file)) {
            Durable.link(file, folder.resolve(NAME));
        }
    }

    /** Goes back to what a checkpoint holds; null or one without a best state for none. */
    void restore(@Nullable Path checkpoint) throws IOException {
        Files.deleteIfExists(file);
        if (checkpoint != null && Files.exists(checkpoint.resolve(NAME))) {
            Durable.link(checkpoint.resolve(NAME), file);
        }
    }
}
