package dev.lowrank.engine.train;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.spec.EarlyStopping;
import dev.lowrank.engine.spec.Evaluation;
import dev.lowrank.engine.spec.Keep;
import dev.lowrank.engine.spec.Method;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.spec.TrainingSettings;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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
    private final Arithmetic arithmetic;
    private final Trainee trainee;
    private final Objective objective;
    private final @Nullable Objective validation;
    private final BatchPlan batches;
    private final Optimizer optimizer;
    private final Workspace scratch;
    private final MemoryPlan memory;
    private final Checkpoints checkpoints;
    private final @Nullable BestWeights best;
    private final ObjectNode identity;
    private EvaluationState evaluations;
    private int completed;

    private TrainingRun(
            TrainingSpec spec,
            Path directory,
            Kernels kernels,
            ModelFolder base,
            Arithmetic arithmetic,
            RunData data,
            MemoryPlan memory,
            Trainee trainee)
            throws IOException {
        this.spec = spec;
        this.settings = spec.training();
        this.directory = directory;
        this.kernels = kernels;
        this.base = base;
        this.arithmetic = arithmetic;
        this.trainee = trainee;
        this.scratch = kernels.workspace();
        scratch.reserve(memory.scratch());
        this.objective = data.training(trainee, kernels, scratch);
        this.validation = data.validation(trainee, kernels, scratch);
        this.batches = new BatchPlan(objective.data().size(), objective::tokens, data.maxLength(), settings);
        this.optimizer = new Optimizer(trainee.trainable(), settings, kernels, directory);
        trainee.model().noise((float) settings.neftuneAlpha());
        trainee.model().reservePositions(longestRow());
        this.memory = memory;
        trainee.model().checkpointing(memory.checkpointing());
        Path root = directory.resolve("checkpoints");
        this.checkpoints = new Checkpoints(root, kernels);
        this.best = settings.evaluation().keep() == Keep.BEST_AND_LAST ? new BestWeights(root, checkpoints) : null;
        this.identity = identity(spec, base, arithmetic, data);
        Checkpoints.Restored restored = restored();
        this.completed = restored.step();
        this.evaluations = restored.evaluations();
    }

    private Checkpoints.Restored restored() throws IOException {
        try {
            Checkpoints.Restored restored = checkpoints.restore(identity, optimizer.state());
            if (best != null) {
                best.restore(restored.folder());
            }
            return restored;
        } catch (IOException | RuntimeException | Error e) {
            optimizer.close();
            scratch.close();
            throw e;
        }
    }

    /**
     * Loads the base, reads and tokenizes the data, makes or loads the adapter, and restores the newest intact
     * checkpoint under {@code directory}, if there is one.
     *
     * @param spec with local paths
     * @throws InputException if the spec, the base, the data or the adapter cannot be used
     * @throws TrainingFailure if the memory for its heaviest micro-batch cannot be had
     */
    public static TrainingRun open(TrainingSpec spec, Path directory, Kernels kernels) {
        ModelFolder base = ModelFolder.open(Path.of(spec.baseModel()));
        try {
            Files.createDirectories(directory);
            RunData data = RunData.load(spec, base);
            Arithmetic arithmetic = Arithmetic.choose(spec.training().dtype(), base, kernels);
            MemoryPlanner planner = new MemoryPlanner(
                    base,
                    data.trainingLengths(),
                    data.validationLengths(),
                    arithmetic.type(),
                    kernels,
                    Room.on(kernels));
            MemoryPlan memory = planner.fitting(spec);
            try {
                return loaded(spec, directory, kernels, base, arithmetic, data, memory);
            } catch (OutOfMemoryError e) {
                throw planner.outOfMemory(spec, memory);
            }
        } catch (IOException e) {
            base.close();
            throw new UncheckedIOException("Cannot use %s: %s".formatted(directory, e.getMessage()), e);
        } catch (RuntimeException | Error e) {
            base.close();
            throw e;
        }
    }

    private static TrainingRun loaded(
            TrainingSpec spec,
            Path directory,
            Kernels kernels,
            ModelFolder base,
            Arithmetic arithmetic,
            RunData data,
            MemoryPlan memory)
            throws IOException {
        Trainee trainee = Trainee.prepare(spec, base, arithmetic.type(), kernels);
        try {
            return new TrainingRun(spec, directory, kernels, base, arithmetic, data, memory, trainee);
        } catch (IOException | RuntimeException | Error e) {
            trainee.close();
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
                objective.data().size(),
                objective.data().trainedTokens(),
                objective.data().truncatedRows(),
                optimizer.trainableParameters(),
                base.parameters(),
                batches.packing(),
                arithmetic,
                memory);
    }

    /** Optimizer steps already done, by this process or the ones before it. */
    public int completedSteps() {
        return completed;
    }

    /** Optimizer steps that the result holds: those of the lowest validation loss where that state is kept, else all. */
    public int resultStep() {
        return best == null || evaluations.best() == null ? completed : evaluations.bestStep();
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
            while (completed < total && !stoppedEarly()) {
                StepMetrics metrics = step.run(completed, total, batches.window(completed), control);
                if (metrics == null) {
                    if (saved < completed) {
                        control.checkpointed(checkpoint());
                    }
                    return Ending.STOPPED;
                }
                completed++;
                if (metrics.skipped() == null) {
                    control.stepped(metrics);
                } else {
                    control.skipped(metrics.step(), metrics.skipped());
                }
                Validation measured = evaluationDue(total) ? validate(metrics, control) : null;
                log.write(metrics, measured);
                if (measured != null) {
                    control.evaluated(measured);
                }
                if (completed % every == 0 || completed == total || stoppedEarly()) {
                    control.checkpointed(checkpoint());
                    saved = completed;
                }
            }
            if (completed == total) {
                return Ending.FINISHED;
            }
            control.stoppedEarly(Objects.requireNonNull(whyStoppedEarly()));
            return Ending.STOPPED_EARLY;
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot write to %s: %s".formatted(directory, e.getMessage()), e);
        }
    }

    private boolean stoppedEarly() {
        return evaluations.exhausted(settings.evaluation().earlyStopping());
    }

    private @Nullable String whyStoppedEarly() {
        EarlyStopping stopping = settings.evaluation().earlyStopping();
        int total = batches.totalSteps();
        return stopping == null || !stoppedEarly() || completed == total
                ? null
                : evaluations.reason(completed, total, stopping);
    }

    /** The last step too, so that the last state can be the best. */
    private boolean evaluationDue(int total) {
        Evaluation wanted = settings.evaluation();
        return wanted.runs() && (completed % wanted.everySteps() == 0 || completed == total);
    }

    /** Draws nothing and moves nothing: training goes on as if it had not been. */
    private Validation validate(StepMetrics newest, RunControl control) throws IOException {
        control.evaluating(newest);
        Objective rows = Objects.requireNonNull(validation);
        LossParts parts = rows.measure();
        long weight = weight(rows);
        double loss = parts.loss() / weight;
        if (!Double.isFinite(loss)) {
            throw new TrainingFailure(
                    "validation_loss_not_finite",
                    "The validation loss is not a number after step %d; lower \"training.learning_rate\"."
                            .formatted(completed));
        }
        evaluations = evaluations.after(completed, loss, settings.evaluation().earlyStopping());
        boolean lowest = evaluations.bestAt(completed);
        if (best != null && lowest) {
            best.save(weights());
        }
        return new Validation(
                completed,
                newest.totalSteps(),
                loss,
                (double) parts.correct() / parts.trained(),
                parts.margin() == null ? null : parts.margin() / weight,
                lowest);
    }

    private static long weight(Objective rows) {
        return rows.weight(IntStream.range(0, rows.data().size()).toArray());
    }

    private Map<String, Tensor> weights() {
        Map<String, Tensor> weights = new LinkedHashMap<>();
        trainee.trainable().forEach(parameter -> weights.put(parameter.name(), parameter.value()));
        return weights;
    }

    private int checkpointInterval(int total) {
        Integer asked = settings.checkpointEverySteps();
        return asked != null ? asked : Math.clamp(Math.ceilDiv(total, 10), 1, 200);
    }

    private CheckpointFolder checkpoint() throws IOException {
        return checkpoints.write(completed, identity, evaluations.json(), best, optimizer.state());
    }

    /** What has really been taken, in the terms of the plan. */
    record Taken(long loaded, long trained, long optimizer, long scratch, long reserved) {}

    Taken taken() {
        return new Taken(
                trainee.model().bytes(),
                trainee.memory().peak(),
                optimizer.bytes(),
                scratch.peak(),
                scratch.reservedBytes());
    }

    /** Loss on the validation file for the base alone and the run's result; null if the spec names no validation file. */
    public @Nullable HeldOut evaluate() {
        Objective rows = validation;
        if (rows == null) {
            return null;
        }
        LossParts before = rows.measureBase();
        LossParts after = withResult(rows::measure);
        long weight = weight(rows);
        double tokens = after.trained();
        return new HeldOut(
                before.loss() / weight,
                after.loss() / weight,
                before.correct() / tokens,
                after.correct() / tokens,
                after.trained());
    }

    private int longestRow() {
        return Math.max(
                objective.data().longestRow(),
                validation == null ? 0 : validation.data().longestRow());
    }

    /**
     * Writes the PEFT adapter folder (or, for full fine-tuning, the model folder) with tokenizer and chat template. With
     * {@code keep: best-and-last} it holds the state of the lowest validation loss, and its sub-folder {@code last} the
     * last one; {@code training.json} says which step is which.
     */
    public Result writeOutput(Path folder) {
        try {
            Files.createDirectories(folder);
            boolean keepsBest = best != null && evaluations.best() != null;
            if (keepsBest) {
                trainee.write(base, Files.createDirectories(folder.resolve(Result.LAST)));
            }
            withResult(() -> {
                trainee.write(base, folder);
                return folder;
            });
            Result result = new Result(completed, batches.totalSteps(), evaluations, keepsBest, whyStoppedEarly());
            if (settings.evaluation().runs()) {
                result.write(folder);
            }
            return result;
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot write %s: %s".formatted(folder, e.getMessage()), e);
        }
    }

    /** Something done on what the run's result is: with the best weights where they are kept, then the last are back. */
    private <T> T withResult(Use<T> use) {
        try {
            if (best == null || evaluations.best() == null || evaluations.bestAt(completed)) {
                return use.run();
            }
            // Gradients begin at zero in each step: between steps their memory is free, and of the right size.
            trainee.trainable().forEach(parameter -> kernels.copy(parameter.value(), gradient(parameter)));
            best.load(weights());
            try {
                return use.run();
            } finally {
                trainee.trainable().forEach(parameter -> kernels.copy(gradient(parameter), parameter.value()));
            }
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot use %s: %s".formatted(directory, e.getMessage()), e);
        }
    }

    private interface Use<T> {
        T run() throws IOException;
    }

    private static Tensor gradient(Parameter parameter) {
        return Objects.requireNonNull(parameter.gradient());
    }

    /** What must be equal for a checkpoint to fit: every setting that moves a number, the base and the data. */
    private static ObjectNode identity(TrainingSpec spec, ModelFolder base, Arithmetic arithmetic, RunData data) {
        ObjectNode identity = SpecJson.write(spec);
        identity.remove(List.of("base_model", "training_file", "validation_file", "output", "initial_adapter"));
        ((ObjectNode) identity.get("training"))
                .put("dtype", arithmetic.computeType().key())
                .remove(withoutEffect(spec.training()));
        if (spec.method() == Method.FULL) {
            identity.remove("adapter");
        }
        identity.put("base_sha256", base.sha256());
        identity.put("training_file_sha256", data.trainingSha256());
        if (evaluationsDecide(spec.training().evaluation())) {
            identity.put("validation_file_sha256", data.validationSha256());
        }
        return identity;
    }

    /** Settings of which no number depends: another value may be chosen when a run is resumed. */
    private static List<String> withoutEffect(TrainingSettings settings) {
        List<String> names = new ArrayList<>(List.of("checkpoint_every_steps", "gradient_checkpointing", "paged"));
        if (!evaluationsDecide(settings.evaluation())) {
            names.addAll(List.of("evaluate_every_steps", "keep"));
        }
        return names;
    }

    /** Whether the result depends on what evaluations show. */
    private static boolean evaluationsDecide(Evaluation evaluation) {
        return evaluation.earlyStopping() != null || evaluation.keep() != Keep.LAST;
    }

    @Override
    public void close() {
        scratch.close();
        optimizer.close();
        trainee.close();
        base.close();
    }

    @Override
    public String toString() {
        return "run of %s on %s in %s".formatted(spec.method().key(), spec.baseModel(), directory);
    }
}
