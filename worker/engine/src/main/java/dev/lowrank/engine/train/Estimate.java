package dev.lowrank.engine.train;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.ModelSource;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;

/**
 * What a run would take, known without loading its base.
 *
 * @param remedies what other settings would give, where there is not enough room; else empty
 */
public record Estimate(MemoryPlan plan, List<Remedy> remedies) {
    /**
     * Of a spec on its files; rows become tokens, since memory depends on how long they are.
     *
     * @throws InputException if the spec, the base or the data cannot be used
     */
    public static Estimate of(TrainingSpec spec, Kernels kernels) {
        try (ModelFolder base = ModelFolder.open(Path.of(spec.baseModel()))) {
            RunData data = RunData.load(spec, base);
            DType compute =
                    Arithmetic.choose(spec.training().dtype(), base, kernels).type();
            return of(
                    spec,
                    new MemoryPlanner(
                            base,
                            data.trainingLengths(),
                            data.validationLengths(),
                            compute,
                            kernels,
                            Room.on(kernels)));
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot read the files of the spec: " + e.getMessage(), e);
        }
    }

    /** Of a spec on rows that are there already. */
    public static Estimate of(TrainingSpec spec, ModelSource base, Dataset rows, DType compute, Kernels kernels) {
        return of(spec, new MemoryPlanner(base, RowLengths.of(rows), null, compute, kernels, Room.on(kernels)));
    }

    private static Estimate of(TrainingSpec spec, MemoryPlanner planner) {
        MemoryPlan plan = planner.plan(spec);
        return new Estimate(plan, plan.fits() ? List.of() : planner.remedies(spec));
    }
}
