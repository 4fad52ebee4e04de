package dev.lowrank.engine.merge;

import dev.lowrank.engine.format.StoredType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Workspace;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What the merged folder will hold. Values are computed when they are asked for, one tensor at a time. */
final class MergePlan implements AutoCloseable {
    private final BaseFolder base;
    private final Path adapter;
    private final WeightChanges changes;
    private final Kernels kernels;
    private final Workspace memory;
    private final List<PlannedTensor> tensors = new ArrayList<>();
    private final boolean untied;

    /** @param type of all tensors; null for the base's own of each */
    MergePlan(BaseFolder base, Path adapter, WeightChanges changes, @Nullable StoredType type, Kernels kernels) {
        this.base = base;
        this.adapter = adapter;
        this.changes = changes;
        this.kernels = kernels;
        this.memory = kernels.workspace();
        String head = base.tiedHead();
        untied = head != null
                && (changes.tensors().contains(head) || changes.tensors().contains(base.embedding()));
        base.names().forEach(name -> add(name, type));
        if (head != null && untied) {
            add(head, type);
        }
    }

    private void add(String name, @Nullable StoredType type) {
        StoredType own = base.type(name);
        StoredType wanted = type == null || !own.readableAsFloats() ? own : type;
        boolean copied = wanted == own && !changes.tensors().contains(name);
        tensors.add(new PlannedTensor(name, wanted, base.shape(name), copied));
    }

    BaseFolder base() {
        return base;
    }

    List<PlannedTensor> tensors() {
        return tensors;
    }

    int changed() {
        return changes.tensors().size();
    }

    /** Whether a head that was the embedding table becomes a tensor of its own. */
    boolean untied() {
        return untied;
    }

    /**
     * The values as they will read back.
     *
     * @throws dev.lowrank.engine.InputException if one is not finite, or not in the type it is to have
     */
    float[] values(PlannedTensor tensor) {
        float[] values = changes.apply(tensor.name(), base.values(tensor.name()), kernels, memory);
        Finite.require(adapter, tensor.name(), values);
        Finite.round(adapter, tensor.name(), values, tensor.type());
        return values;
    }

    @Override
    public void close() {
        memory.close();
    }
}
