package dev.lowrank.engine.adapter;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftKey;
import dev.lowrank.engine.format.PeftLora;
import dev.lowrank.engine.model.Linear;
import dev.lowrank.engine.model.Slot;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.tape.FourBit;
import dev.lowrank.engine.tape.LowRank;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.engine.tape.UpdatedWeight;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A LoRA adapter on a model: for each adapted layer of [out, in], A [r, in] and B [out, r] in fp32, added as
 * {@code scale * B A}; with DoRA a magnitude [out] too. Beside them it may train biases and whole modules of the base.
 */
final class LoraAdapter implements Adapter {
    private record Adapted(Linear linear, LowRank lowRank) {}

    private record Replaced(Slot slot, Parameter parameter) {}

    private final PeftLora config;
    private final AdapterTensors tensors;
    private final @Nullable MovedBase moved;
    private final List<Adapted> layers = new ArrayList<>();
    private final List<Replaced> replaced = new ArrayList<>();

    private LoraAdapter(PeftLora config, AdapterTensors tensors, @Nullable MovedBase moved) {
        this.config = config;
        this.tensors = tensors;
        this.moved = moved;
    }

    /**
     * Builds what the configuration describes: from the tensors' folder, or new, A random by the seed and B zero, or both
     * a part of the weight.
     *
     * @param moved where both come from the weight; null where the base stays as it is
     * @throws InputException if it describes what the model does not have
     */
    static LoraAdapter build(
            PeftLora config, Transformer model, AdapterTensors tensors, long seed, @Nullable MovedBase moved) {
        LoraAdapter adapter = new LoraAdapter(config, tensors, moved);
        for (Linear linear : model.linears()) {
            if (config.modules().targets(linear.path())) {
                adapter.adapt(linear, CounterRandom.key(seed, linear.path()));
            }
        }
        adapter.replaceSlots(model);
        tensors.refuseUnused();
        return adapter;
    }

    private void adapt(Linear linear, long key) {
        String path = linear.path();
        int rank = config.rank(path);
        float scale = (float) config.scale(path);
        int in = linear.inputs();
        int out = linear.outputs();
        WeightFactors start = moved == null ? null : moved.take(linear, rank, config.scale(path), key);
        Parameter a =
                tensors.take(PeftKey.loraA(path), () -> start == null ? initialA(rank, in, key) : start.a(), rank, in);
        Parameter b =
                tensors.take(PeftKey.loraB(path), () -> start == null ? new float[out * rank] : start.b(), out, rank);
        if (moved != null) {
            moved.leave(linear, a.value(), b.value(), scale);
        }
        LowRank lowRank = new LowRank(a, b, scale, (float) config.dropout(), layers.size(), null);
        if (config.dora()) {
            Parameter magnitude =
                    tensors.take(PeftKey.magnitude(path), () -> rowLengths(linear, lowRank), linear.outputs());
            layers.add(new Adapted(linear, new LowRank(a, b, scale, lowRank.dropout(), lowRank.site(), magnitude)));
        } else {
            layers.add(new Adapted(linear, lowRank));
        }
    }

    private float[] rowLengths(Linear linear, LowRank lowRank) {
        long mark = tensors.memory().mark();
        float[] lengths = UpdatedWeight.rowLengths(
                linear.weight(), linear.transposed(), lowRank, tensors.kernels(), tensors.memory());
        tensors.memory().release(mark);
        return lengths;
    }

    /** Kaiming's uniform with a = sqrt(5) is +-1/sqrt(in); the Gaussian has standard deviation 1/r. */
    private float[] initialA(int rank, int inputs, long key) {
        float[] a = new float[Math.multiplyExact(rank, inputs)];
        double bound = 1 / Math.sqrt(inputs);
        if (!tensors.kernels().computes()) {
            return a;
        }
        for (int i = 0; i < a.length; i++) {
            a[i] = (float)
                    (config.init() == PeftLora.Init.GAUSSIAN
                            ? CounterRandom.normal(key, i) / rank
                            : bound * (2 * CounterRandom.uniform(key, i) - 1));
        }
        return a;
    }

    private void replaceSlots(Transformer model) {
        Map<String, Linear> adapted = new LinkedHashMap<>();
        layers.forEach(layer -> adapted.put(layer.linear().path(), layer.linear()));
        model.slots().forEach((name, slot) -> {
            PeftKey key = trainedWith(name, adapted);
            if (key != null) {
                replaced.add(new Replaced(slot, trained(name, slot, key)));
            }
        });
    }

    /** Under which key a weight of the base is trained and stored beside the factors; null if it stays frozen. */
    private @Nullable PeftKey trainedWith(String name, Map<String, Linear> adapted) {
        if (config.modules().saves(name)) {
            return PeftKey.saved(name);
        }
        if (!name.endsWith(".bias")) {
            return null;
        }
        String module = name.substring(0, name.length() - ".bias".length());
        boolean trained = switch (config.bias()) {
            case NONE -> false;
            case ALL -> true;
            case ADAPTED -> adapted.containsKey(module);
        };
        return trained ? PeftKey.bias(config, module) : null;
    }

    private Parameter trained(String name, Slot slot, PeftKey key) {
        if (slot.base() instanceof FourBit) {
            throw new InputException(
                    "\"%s\" is kept in 4 bits and cannot be trained whole; leave its module out of modules_to_save."
                            .formatted(name));
        }
        return tensors.take(key, () -> tensors.values(slot.base()), slot.base().shape());
    }

    @Override
    public void attach() {
        layers.forEach(layer -> layer.linear().adapter(layer.lowRank()));
        replaced.forEach(place -> place.slot().replace(place.parameter()));
        if (moved != null) {
            moved.attach();
        }
    }

    @Override
    public void detach() {
        layers.forEach(layer -> layer.linear().adapter(null));
        replaced.forEach(place -> place.slot().replace(null));
        if (moved != null) {
            moved.detach();
        }
    }

    @Override
    public List<Parameter> parameters() {
        return tensors.parameters();
    }

    @Override
    public void write(Path folder) {
        if (moved == null) {
            PeftFolder.write(folder, config, tensors.named());
        } else {
            PeftFolder.write(folder, MovedBase.converted(config), moved.converted(tensors.named()));
        }
    }

    /** Whether nothing is adapted at all. */
    boolean isEmpty() {
        return layers.isEmpty();
    }
}
