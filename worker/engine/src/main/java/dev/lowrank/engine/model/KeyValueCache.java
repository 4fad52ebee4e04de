package dev.lowrank.engine.model;

import dev.lowrank.engine.family.Architecture;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.ArrayList;
import java.util.List;

/** Keys and values of the tokens generated so far, for one sequence: in each layer [capacity, G * D]. */
public final class KeyValueCache {
    private final Kernels kernels;
    private final List<Tensor> keys = new ArrayList<>();
    private final List<Tensor> values = new ArrayList<>();
    private final int capacity;
    private int length;

    KeyValueCache(Architecture architecture, int capacity, DType compute, Kernels kernels, Workspace workspace) {
        this.kernels = kernels;
        this.capacity = capacity;
        for (int layer = 0; layer < architecture.layers().size(); layer++) {
            keys.add(workspace.take(compute, capacity, architecture.keyWidth()));
            values.add(workspace.take(compute, capacity, architecture.keyWidth()));
        }
    }

    /** Starts an empty cache with learned keys and values [P, layers * 2 * G * D]. */
    void begin(Parameter prefix) {
        int rows = prefix.rows();
        for (int layer = 0; layer < keys.size(); layer++) {
            int width = keys.get(layer).columns();
            kernels.copyColumns(
                    prefix.value(), 2 * layer * width, keys.get(layer).slice(0, rows), 0, width);
            kernels.copyColumns(
                    prefix.value(), (2 * layer + 1) * width, values.get(layer).slice(0, rows), 0, width);
        }
        length = rows;
    }

    /** Tokens it holds. */
    public int length() {
        return length;
    }

    /** Tokens it can hold. */
    public int capacity() {
        return capacity;
    }

    /** Forgets everything, to begin another sequence. */
    public void clear() {
        length = 0;
    }

    /** Puts the new keys behind those of a layer and returns all of them, [length + new, G * D]. */
    Tensor appendKeys(int layer, Tensor added) {
        return append(keys.get(layer), added);
    }

    Tensor appendValues(int layer, Tensor added) {
        return append(values.get(layer), added);
    }

    /** Counts {@code tokens} more as held, after every layer has appended its own. */
    void advance(int tokens) {
        length += tokens;
    }

    private Tensor append(Tensor all, Tensor added) {
        kernels.copy(added, all.slice(length, added.rows()));
        return all.slice(0, length + added.rows());
    }
}
