package dev.lowrank.engine.train;

import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.data.Example;
import dev.lowrank.engine.format.ModelSource;
import dev.lowrank.engine.spec.Method;
import dev.lowrank.engine.spec.TrainingSettings;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Workspace;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * The optimizer steps of a spec exactly as a {@link TrainingRun} takes them, on rows that are there already, and nothing
 * around them: no files are read, and nothing is kept.
 */
public final class DryRun implements AutoCloseable {
    private final Dataset rows;
    private final Trainee trainee;
    private final Optimizer optimizer;
    private final Workspace scratch;
    private final BatchPlan batches;
    private final MemoryPlan memory;
    private final TrainingStep step;
    private final double products;
    private int completed;

    private DryRun(TrainingSpec spec, Dataset rows, MemoryPlan memory, Trainee trainee, Kernels kernels) {
        TrainingSettings settings = spec.training();
        this.rows = rows;
        this.trainee = trainee;
        this.scratch = kernels.workspace();
        scratch.reserve(memory.scratch());
        this.optimizer = new Optimizer(trainee.trainable(), settings, kernels, Path.of(""));
        Objective objective = Objective.of(rows, trainee, kernels, scratch);
        this.batches = new BatchPlan(rows.size(), objective::tokens, settings.maxLength(), settings);
        trainee.model().noise((float) settings.neftuneAlpha());
        trainee.model().reservePositions(rows.longestRow());
        this.memory = memory;
        trainee.model().checkpointing(memory.checkpointing());
        this.step = new TrainingStep(settings, objective, optimizer, new GradientWatch());
        this.products = new Products(trainee.model(), trainee.trainable(), spec.method() == Method.FULL)
                .of(examples(batches.window(0)));
    }

    /** Loads the base and makes the adapter; the spec's files are not looked at, and its optimizer must not be paged. */
    public static DryRun open(TrainingSpec spec, ModelSource base, Dataset rows, DType compute, Kernels kernels) {
        MemoryPlan memory =
                new MemoryPlanner(base, RowLengths.of(rows), null, compute, kernels, Room.on(kernels)).fitting(spec);
        Trainee trainee = Trainee.prepare(spec, base, compute, kernels);
        try {
            return new DryRun(spec, rows, memory, trainee, kernels);
        } catch (RuntimeException | Error e) {
            trainee.close();
            throw e;
        }
    }

    private List<Example> examples(List<int[]> window) {
        return window.stream().flatMapToInt(Arrays::stream).mapToObj(rows::get).toList();
    }

    /**
     * Takes the next step; there are as many as the spec and the rows give.
     *
     * @throws TrainingFailure if the loss or a gradient stops being a number
     */
    public StepMetrics next() {
        StepMetrics metrics = step.run(completed, batches.totalSteps(), batches.window(completed), new RunControl() {});
        completed++;
        return Objects.requireNonNull(metrics);
    }

    public MemoryPlan memory() {
        return memory;
    }

    public long trainableParameters() {
        return optimizer.trainableParameters();
    }

    /** Floating-point operations of the matrix products that the first step needs. */
    public double products() {
        return products;
    }

    @Override
    public void close() {
        optimizer.close();
        scratch.close();
        trainee.close();
    }
}
