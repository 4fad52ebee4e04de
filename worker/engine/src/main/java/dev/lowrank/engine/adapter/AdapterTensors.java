package dev.lowrank.engine.adapter;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.Quoted;
import dev.lowrank.engine.format.NamedTensor;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftKey;
import dev.lowrank.engine.tape.Matrix;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.engine.tape.UpdatedWeight;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The tensors of one adapter on a device, new or from a folder. */
final class AdapterTensors {
    private final @Nullable PeftFolder folder;
    private final boolean trainable;
    private final Kernels kernels;
    private final Workspace memory;
    private final Map<PeftKey, Parameter> taken = new LinkedHashMap<>();

    /**
     * @param folder where values come from; null for a new adapter
     * @param trainable whether tensors get gradients
     */
    AdapterTensors(@Nullable PeftFolder folder, boolean trainable, Kernels kernels, Workspace memory) {
        this.folder = folder;
        this.trainable = trainable;
        this.kernels = kernels;
        this.memory = memory;
    }

    /** A tensor of the folder, or a new one. */
    Parameter take(PeftKey key, Supplier<float[]> initial, long... shape) {
        float[] values = folder == null ? initial.get() : stored(folder, key, shape);
        Tensor value = memory.take(shape);
        kernels.upload(values, 0, value);
        Parameter parameter = new Parameter(key.name(), value, trainable ? memory.take(shape) : null);
        taken.put(key, parameter);
        return parameter;
    }

    private static float[] stored(PeftFolder folder, PeftKey key, long... shape) {
        if (!folder.keys().contains(key)) {
            throw new InputException("Adapter %s has no %s; it was made for another base (%s)."
                    .formatted(
                            folder.path(),
                            Quoted.of(key.name()),
                            folder.config().baseModel()));
        }
        long[] found = folder.shape(key);
        if (!Arrays.equals(found, shape)) {
            throw new InputException(
                    "Adapter %s has %s of shape %s, but the base needs %s; it was made for another base."
                            .formatted(
                                    folder.path(),
                                    Quoted.of(key.name()),
                                    Arrays.toString(found),
                                    Arrays.toString(shape)));
        }
        return folder.floats(key);
    }

    /** @throws InputException if the folder holds a tensor that nothing in the model asked for */
    void refuseUnused() {
        if (folder == null) {
            return;
        }
        for (PeftKey key : folder.keys()) {
            if (!taken.containsKey(key)) {
                throw new InputException(
                        "Adapter %s adapts %s, which the base does not have; it was made for another base (%s)."
                                .formatted(
                                        folder.path(),
                                        Quoted.of(key.path()),
                                        folder.config().baseModel()));
            }
        }
    }

    Kernels kernels() {
        return kernels;
    }

    Workspace memory() {
        return memory;
    }

    List<Parameter> parameters() {
        return List.copyOf(taken.values());
    }

    /** Everything taken, with its present values. */
    List<NamedTensor> named() {
        return taken.entrySet().stream()
                .map(entry -> new NamedTensor(
                        entry.getKey(),
                        entry.getValue().value().shape(),
                        values(entry.getValue().value())))
                .toList();
    }

    /** A weight of the base, in the order in which it is stored. */
    float[] values(Matrix weight) {
        long mark = memory.mark();
        float[] values = values(UpdatedWeight.dense(weight, false, kernels, memory));
        memory.release(mark);
        return values;
    }

    float[] values(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.size())];
        kernels.download(tensor, values, 0);
        return values;
    }

    static float[] filled(long count, float value) {
        float[] values = new float[Math.toIntExact(count)];
        Arrays.fill(values, value);
        return values;
    }
}
