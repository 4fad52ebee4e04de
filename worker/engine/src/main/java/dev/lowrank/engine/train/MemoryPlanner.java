package dev.lowrank.engine.train;

import dev.lowrank.engine.format.ModelSource;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.spec.TrainingSettings;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.PhantomKernels;
import dev.lowrank.kernels.Workspace;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Finds out what a run takes by going through it: the base is loaded, the adapter made, and the heaviest micro-batches are
 * walked forwards and back, all by the code that trains, on kernels without memory. So nothing is estimated.
 *
 * @param base of which only names and shapes are read
 * @param compute what it computes in
 * @param room what there is
 */
record MemoryPlanner(
        ModelSource base,
        RowLengths training,
        @Nullable RowLengths validation,
        DType compute,
        Kernels kernels,
        Room room) {

    /**
     * The plan of a run that there is room for.
     *
     * @throws TrainingFailure if there is not enough
     */
    MemoryPlan fitting(TrainingSpec spec) {
        MemoryPlan plan = plan(spec);
        if (!plan.fits()) {
            throw outOfMemory(spec, plan);
        }
        return plan;
    }

    TrainingFailure outOfMemory(TrainingSpec spec, MemoryPlan plan) {
        return new TrainingFailure("out_of_memory", shortage(spec, plan));
    }

    MemoryPlan plan(TrainingSpec spec) {
        PhantomKernels phantom = kernels.phantom();
        try (Trainee trainee = Trainee.prepare(spec, base, compute, phantom);
                Optimizer optimizer = new Optimizer(trainee.trainable(), spec.training(), phantom, Path.of(""));
                Workspace kept = phantom.workspace();
                Workspace again = phantom.workspace()) {
            Transformer model = trainee.model();
            int length = Math.min(
                    spec.training().maxLength(), model.architecture().maxPositions());
            Passes passes = new Passes(spec.training(), trainee, phantom, length);
            passes.through(training, validation, false, kept);
            passes.through(training, validation, true, again);
            return new MemoryPlan(
                    BaseMemory.of(model),
                    model.bytes(),
                    phantom.closedBytes(),
                    trainee.memory().peak(),
                    optimizer.bytes(),
                    spec.training().paged(),
                    kept.peak(),
                    again.peak(),
                    phantom.ownBytes(),
                    room,
                    spec.training().gradientCheckpointing());
        }
    }

    /** What each knob alone would give, turned as far as is needed or else all the way. */
    List<Remedy> remedies(TrainingSpec spec) {
        List<Remedy> remedies = new ArrayList<>();
        for (Knob knob : Knob.values()) {
            TrainingSpec turned = turned(spec, knob);
            if (!turned.equals(spec)) {
                remedies.add(remedy(knob.setting(turned), turned));
            }
        }
        return remedies;
    }

    private Remedy remedy(String settings, TrainingSpec spec) {
        MemoryPlan plan = plan(spec);
        return new Remedy(settings, plan.bytes(), plan.fits());
    }

    private TrainingSpec turned(TrainingSpec spec, Knob knob) {
        TrainingSpec turned = spec;
        TrainingSpec next = knob.turned(turned, training.longest());
        while (next != null) {
            turned = next;
            next = plan(turned).fits() ? null : knob.turned(turned, training.longest());
        }
        return turned;
    }

    /** The first knob that is enough alone; where none is, as many of them together as are needed. */
    private @Nullable Remedy remedy(TrainingSpec spec) {
        for (Remedy alone : remedies(spec)) {
            if (alone.fits()) {
                return alone;
            }
        }
        TrainingSpec turned = spec;
        List<Knob> used = new ArrayList<>();
        for (Knob knob : Knob.values()) {
            TrainingSpec further = turned(turned, knob);
            if (!further.equals(turned)) {
                used.add(knob);
                turned = further;
            }
            if (plan(turned).fits()) {
                break;
            }
        }
        TrainingSpec last = turned;
        return used.isEmpty()
                ? null
                : remedy(used.stream().map(knob -> knob.setting(last)).collect(Collectors.joining(", ")), last);
    }

    /** What is wrong where a plan does not fit, or its memory could not be had, and what to change: one sentence. */
    private String shortage(TrainingSpec spec, MemoryPlan plan) {
        String wrong = plan.fits()
                ? "The run takes %s of memory, which the system does not give"
                        .formatted(MemoryPlan.readable(plan.bytes()))
                : "The run takes %s of memory, but %s are available"
                        .formatted(
                                MemoryPlan.readable(plan.bytes()),
                                MemoryPlan.readable(plan.room().available()));
        Remedy remedy = remedy(spec);
        if (remedy == null) {
            return wrong + "; nothing in the spec would change that.";
        }
        return "%s; %s %s %s."
                .formatted(
                        wrong,
                        remedy.settings(),
                        remedy.fits() ? "makes it" : "would make it, still too much,",
                        MemoryPlan.readable(remedy.bytes()));
    }

    /** The passes of a run, with rows cut off at a length. */
    private record Passes(TrainingSettings settings, Trainee trainee, PhantomKernels phantom, int length) {
        void through(
                RowLengths training, @Nullable RowLengths validation, boolean checkpointing, Workspace scratch) {
            Transformer model = trainee.model();
            model.checkpointing(checkpointing);
            model.noise((float) settings.neftuneAlpha());
            model.reservePositions(Math.min(
                    length, Math.max(training.longest(), validation == null ? 0 : validation.longest())));
            train(training.cut(length), scratch);
            if (validation != null) {
                judge(validation.cut(length), scratch);
            }
        }

        private void train(RowLengths rows, Workspace scratch) {
            BatchPlan batches = new BatchPlan(rows.size(), rows::tokens, length, settings);
            for (int[] batch : HeaviestBatches.trained(batches, rows, settings.microBatchSize())) {
                Objective objective = rows.blank(batch, settings.beta(), trainee, phantom, scratch);
                objective.forwardBackward(all(objective), 1, 1);
            }
        }

        private void judge(RowLengths rows, Workspace scratch) {
            int together = settings.beta() == null ? LossMeter.ROWS : PreferenceObjective.PAIRS;
            for (int[] batch : HeaviestBatches.judged(rows, together)) {
                Objective objective = rows.blank(batch, settings.beta(), trainee, phantom, scratch);
                objective.measure();
                objective.measureBase();
            }
        }

        private static int[] all(Objective objective) {
            return IntStream.range(0, objective.data().size()).toArray();
        }
    }
}
