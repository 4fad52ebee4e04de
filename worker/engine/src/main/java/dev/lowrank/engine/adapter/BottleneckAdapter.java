package dev.lowrank.engine.adapter;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.engine.format.PeftBottleneck;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftKey;
import dev.lowrank.engine.model.Bottleneck;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.kernels.Activation;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Bottleneck adapters behind attention and feed-forward, or behind the latter alone. The down projection starts small and
 * random, the up projection at zero, so that a new one changes nothing.
 */
final class BottleneckAdapter implements Adapter {
    /** Houlsby's: near enough to nothing for a stable start. */
    private static final double DEVIATION = 0.01;

    private final PeftBottleneck config;
    private final Transformer model;
    private final AdapterTensors tensors;
    private final Map<String, Bottleneck> byPlace = new HashMap<>();

    private BottleneckAdapter(PeftBottleneck config, Transformer model, AdapterTensors tensors) {
        this.config = config;
        this.model = model;
        this.tensors = tensors;
    }

    static BottleneckAdapter build(PeftBottleneck config, Transformer model, AdapterTensors tensors, long seed) {
        BottleneckAdapter adapter = new BottleneckAdapter(config, model, tensors);
        for (String place : config.places()) {
            adapter.byPlace.put(place, adapter.bottleneck(place, CounterRandom.key(seed, place)));
        }
        tensors.refuseUnused();
        return adapter;
    }

    private Bottleneck bottleneck(String place, long key) {
        int width = model.architecture().width();
        int size = config.size();
        return new Bottleneck(
                tensors.take(key(PeftKey.Role.DOWN_WEIGHT, place), () -> random(size * width, key), size, width),
                tensors.take(key(PeftKey.Role.DOWN_BIAS, place), () -> new float[size], size),
                tensors.take(key(PeftKey.Role.UP_WEIGHT, place), () -> new float[size * width], width, size),
                tensors.take(key(PeftKey.Role.UP_BIAS, place), () -> new float[width], width),
                activation());
    }

    private static PeftKey key(PeftKey.Role role, String place) {
        return new PeftKey(role, place);
    }

    private Activation activation() {
        return switch (config.activation()) {
            case RELU -> Activation.RELU;
            case GELU -> Activation.GELU;
            case SILU -> Activation.SILU;
            case TANH -> Activation.TANH;
        };
    }

    private static float[] random(int count, long key) {
        float[] values = VirtualTokens.normal(count, key);
        for (int i = 0; i < count; i++) {
            values[i] *= (float) DEVIATION;
        }
        return values;
    }

    @Override
    public void attach() {
        for (int layer = 0; layer < model.blocks().size(); layer++) {
            model.blocks()
                    .get(layer)
                    .bottlenecks(
                            byPlace.get("layers.%d.attention".formatted(layer)),
                            byPlace.get("layers.%d.mlp".formatted(layer)));
        }
    }

    @Override
    public void detach() {
        model.blocks().forEach(block -> block.bottlenecks(null, null));
    }

    @Override
    public List<Parameter> parameters() {
        return tensors.parameters();
    }

    @Override
    public void write(Path folder) {
        PeftFolder.write(folder, config, tensors.named());
    }
}
