package dev.lowrank.engine.train;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.spec.GradientCheckpointing;
import dev.lowrank.engine.spec.Method;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.spec.TrainingSettings;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Workspace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * One training job in one folder. The folder's {@code checkpoints/} hold its progress: opened again after a crash, the
 * run goes on from the newest intact one and ends with the same bytes as if nothing had happened.
 */
public final class TrainingRun implements AutoCloseable {
    private final TrainingSpec spec;
    private final TrainingSettings settings;
    private final Path directory;
    private final Kernels kernels;
    private final ModelFolder base;
    private final Trainee trainee;
    private final Objective objective;
    private final @Nullable Objective validation;
    private final BatchPlan batches;
    private final Optimizer optimizer;
    private final Workspace scratch;
    private final Checkpoints checkpoints;
    private final ObjectNode identity;
    private int completed;

    private TrainingRun(
            TrainingSpec spec, Path directory, Kernels kernels, ModelFolder base, RunData data, Trainee trainee)
            throws IOException {
        this.spec = spec;
        this.settings = spec.training();
        this.directory = directory;
        this.kernels = kernels;
        this.base = base;
        this.trainee = trainee;
        this.scratch = kernels.workspace();
        this.objective = data.training(trainee, kernels, scratch);
        this.validation = data.validation(trainee, kernels, scratch);
        this.batches = new BatchPlan(objective.rows(), settings);
        this.optimizer = new Optimizer(trainee.trainable(), settings, kernels, directory);
        trainee.model().noise((float) settings.neftuneAlpha());
        trainee.model().checkpointing(settings.gradientCheckpointing() == GradientCheckpointing.LAYER);
        trainee.model().reservePositions(longestRow());
        this.checkpoints = new Checkpoints(directory.resolve("checkpoints"), kernels);
        this.identity = identity(spec, base, data);
        this.completed = restored();
    }

    private int restored() throws IOException {
        try {
            return checkpoints.restore(identity, optimizer.state());
        } catch (IOException | RuntimeException | Error e) {
            optimizer.close();
            throw e;
        }
    }

    /**
     * Loads the base, reads and tokenizes the data, makes or loads the adapter, and restores the newest intact
     * checkpoint under {@code directory}, if there is one.
     *
     * @param spec with local paths
     * @throws InputException if the spec, the base, the data or the adapter cannot be used
     */
    public static TrainingRun open(TrainingSpec spec, Path directory, Kernels kernels) {
        ModelFolder base = ModelFolder.open(Path.of(spec.baseModel()));
        Trainee trainee = null;
        try {
            Files.createDirectories(directory);
            RunData data = RunData.load(spec, base);
            trainee = Trainee.prepare(spec, base, kernels);
            return new TrainingRun(spec, directory, kernels, base, data, trainee);
        } catch (IOException e) {
            closeAll(trainee, base);
            throw new UncheckedIOException("Cannot use %s: %s".formatted(directory, e.getMessage()), e);
        } catch (RuntimeException | Error e) {
            closeAll(trainee, base);
            throw e;
        }
    }

    /** Whether a folder holds checkpoints, intact or not, of an earlier run. */
    public static boolean hasCheckpoints(Path directory) throws IOException {
        Path root = directory.resolve("checkpoints");
        if (!Files.isDirectory(root)) {
            return false;
        }
        try (var entries = Files.list(root)) {
            return entries.findAny().isPresent();
        }
    }

    public RunPlan plan() {
        return new RunPlan(
                batches.totalSteps(),
                batches.stepsPerEpoch(),
                objective.rows(),
                objective.trainedTokens(),
                objective.truncatedRows(),
                optimizer.trainableParameters(),
                base.parameters());
    }

    /** Optimizer steps already done, by this process or the ones before it. */
    public int completedSteps() {
        return completed;
    }

    /**
     * Trains from the last completed step to the end, or until asked to stop. The last completed step always has a
     * checkpoint when this returns.
     *
     * @throws TrainingFailure if the loss or a gradient stops being a number, or the run blows up
     */
    public Ending train(RunControl control) {
        int total = batches.totalSteps();
        int every = checkpointInterval(total);
        int saved = completed;
        Path metricsFile = directory.resolve("metrics.jsonl");
        GradientWatch watch = new GradientWatch();
        try (MetricsLog log = new MetricsLog(metricsFile, completed)) {
            watch.replay(metricsFile, completed);
            TrainingStep step = new TrainingStep(settings, objective, optimizer, watch);
            while (completed < total) {
                StepMetrics metrics = step.run(completed, total, batches.window(completed), control);
                if (metrics == null) {
                    if (saved < completed) {
                        control.checkpointed(checkpoint());
                    }
                    return Ending.STOPPED;
                }
                completed++;
                log.write(metrics);
                if (metrics.skipped() == null) {
                    control.stepped(metrics);
                } else {
                    control.skipped(metrics.step(), metrics.skipped());
                }
                if (completed % every == 0 || completed == total) {
                    control.checkpointed(checkpoint());
                    saved = completed;
                }
            }
            return Ending.FINISHED;
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot write to %s: %s".formatted(directory, e.getMessage()), e);
        }
    }

    private int checkpointInterval(int total) {
        Integer asked = settings.checkpointEverySteps();
        return asked != null ? asked : Math.clamp(Math.ceilDiv(total, 10), 1, 200);
    }

    private CheckpointFolder checkpoint() throws IOException {
        return checkpoints.write(completed, identity, optimizer.state());
    }

    /** Loss on the validation file for the base alone and as trained; null if the spec names no validation file. */
    public @Nullable HeldOut evaluate() {
        if (validation == null) {
            return null;
        }
        LossParts before = validation.measureBase();
        LossParts after = validation.measure();
        long weight = validation.weight(IntStream.range(0, validation.rows()).toArray());
        double tokens = after.trained();
        return new HeldOut(
                before.loss() / weight,
                after.loss() / weight,
                before.correct() / tokens,
                after.correct() / tokens,
                after.trained());
    }

    private int longestRow() {
        return Math.max(objective.longestRow(), validation == null ? 0 : validation.longestRow());
    }

    /** Writes the PEFT adapter folder (or, for full fine-tuning, the model folder) with tokenizer and chat template. */
    public void writeOutput(Path folder) {
        try {
            Files.createDirectories(folder);
            trainee.write(folder);
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot write %s: %s".formatted(folder, e.getMessage()), e);
        }
    }

    /** What must be equal for a checkpoint to fit: every setting that moves a number, the base and the data. */
    private static ObjectNode identity(TrainingSpec spec, ModelFolder base, RunData data) {
        ObjectNode identity = SpecJson.write(spec);
        identity.remove(List.of("base_model", "training_file", "validation_file", "output", "initial_adapter"));
        ((ObjectNode) identity.get("training")).remove(withoutEffect(spec.training()));
        if (spec.method() == Method.FULL) {
            identity.remove("adapter");
        }
        identity.put("base_sha256", base.sha256());
        identity.put("training_file_sha256", data.trainingSha256());
        return identity;
    }

    /** Settings of which no number depends: another value may be chosen when a run is resumed. */
    private static List<String> withoutEffect(TrainingSettings settings) {
        List<String> names =
                new ArrayList<>(List.of("checkpoint_every_steps", "gradient_checkpointing", "paged", "keep"));
        if (settings.evaluation().earlyStopping() == null) {
            names.add("evaluate_every_steps");
        }
        return names;
    }

    private static void closeAll(@Nullable Trainee trainee, ModelFolder base) {
        if (trainee != null) {
            trainee.close();
        }
        base.close();
    }

    @Override
    public void close() {
        scratch.close();
        optimizer.close();
        closeAll(trainee, base);
    }

    @Override
    public String toString() {
        return "run of %s on %s in %s".formatted(spec.method().key(), spec.baseModel(), directory);
    }
}
