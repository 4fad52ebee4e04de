package dev.lowrank.engine.train;

import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.kernels.Kernels;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * One training job in one folder. The folder's {@code checkpoints/} hold its progress: opened again after a crash, the
 * run goes on from the newest intact one and ends with the same bytes as if nothing had happened.
 */
public final class TrainingRun implements AutoCloseable {
    private TrainingRun() {}

    /**
     * Loads the base, reads and tokenizes the data, makes or loads the adapter, and restores the newest intact
     * checkpoint under {@code directory}, if there is one.
     *
     * @param spec with local paths
     * @throws dev.lowrank.engine.InputException if the spec, the base, the data or the adapter cannot be used
     */
    public static TrainingRun open(TrainingSpec spec, Path directory, Kernels kernels) {
        throw new UnsupportedOperationException("being built");
    }

    public RunPlan plan() {
        throw new UnsupportedOperationException("being built");
    }

    /** Optimizer steps already done, by this process or the ones before it. */
    public int completedSteps() {
        throw new UnsupportedOperationException("being built");
    }

    /**
     * Trains from the last completed step to the end, or until asked to stop.
     *
     * @throws TrainingFailure if the loss or a gradient stops being a number, or a batch has nothing to learn from
     */
    public Ending train(RunControl control) {
        throw new UnsupportedOperationException("being built");
    }

    /** Loss on the validation file for the base alone and as trained; null if the spec names no validation file. */
    public @Nullable HeldOut evaluate() {
        throw new UnsupportedOperationException("being built");
    }

    /** Writes the PEFT adapter folder (or, for full fine-tuning, the model folder) with tokenizer and chat template. */
    public void writeOutput(Path folder) {
        throw new UnsupportedOperationException("being built");
    }

    @Override
    public void close() {}
}
