package dev.lowrank.engine.merge;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.Refusal;
import dev.lowrank.engine.model.Slot;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.tape.FourBit;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.engine.tape.UpdatedWeight;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * An adapter worked into the weights of a loaded model. The base's weights stay where they are, so that taking the
 * adapter out again gives them back bit for bit, which subtracting would not.
 */
public final class MergedWeights {
    private final Map<Slot, Parameter> merged = new LinkedHashMap<>();

    private MergedWeights() {}

    /**
     * Computes the merged weights; the model is as it was until {@link #merge}.
     *
     * @param memory holds them; as much as the weights that change
     * @throws InputException if the adapter cannot be merged, belongs to another base, or gives a value that is not
     *     finite; or if the model is held in 4 bits
     */
    public static MergedWeights of(PeftFolder adapter, Transformer model, Kernels kernels, Workspace memory) {
        requireDense(adapter, model);
        MergedWeights weights = new MergedWeights();
        WeightChanges changes = WeightChanges.of(adapter, BaseTensors.of(model));
        for (String name : changes.tensors()) {
            Slot slot = Objects.requireNonNull(model.slots().get(name));
            long mark = memory.mark();
            Tensor base = UpdatedWeight.dense(slot.base(), false, kernels, memory);
            float[] values = new float[Math.toIntExact(base.size())];
            kernels.download(base, values, 0);
            memory.release(mark);
            float[] result = changes.apply(name, values, kernels, memory);
            Finite.require(adapter.path(), name, result);
            Tensor value = memory.take(slot.base().shape());
            kernels.upload(result, 0, value);
            weights.merged.put(slot, new Parameter(name, value, null));
        }
        return weights;
    }

    private static void requireDense(PeftFolder adapter, Transformer model) {
        if (model.slots().values().stream().anyMatch(slot -> slot.base() instanceof FourBit)) {
            throw Refusal.of(
                    adapter.path(),
                    "cannot be merged into a base that is held in 4 bits; load the 16-bit original to merge");
        }
    }

    /** Puts the merged weights in place of the base's. */
    public void merge() {
        merged.forEach(Slot::replace);
    }

    /** Puts the base's own weights back. */
    public void unmerge() {
        merged.keySet().forEach(slot -> slot.replace(null));
    }
}
