package dev.lowrank.engine.train;

import dev.lowrank.engine.format.ModelSource;
import dev.lowrank.engine.spec.TrainingSettings;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Plans the memory of a run on a base, by one spec or another.
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
        Rehearsal kept = Rehearsal.of(spec, base, training, validation, compute, kernels, false);
        Rehearsal again = Rehearsal.of(spec, base, training, validation, compute, kernels, true);
        TrainingSettings settings = spec.training();
        return new MemoryPlan(
                kept.base(),
                kept.loaded(),
                kept.passing(),
                kept.trained(),
                kept.optimizer(),
                settings.paged(),
                kept.scratch(),
                again.scratch(),
                Math.max(kept.device(), again.device()),
                room,
                settings.gradientCheckpointing());
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
}
