package dev.lowrank.engine.adapter;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.PeftBottleneck;
import dev.lowrank.engine.format.PeftConfig;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftIa3;
import dev.lowrank.engine.format.PeftLora;
import dev.lowrank.engine.format.PeftPrefixTuning;
import dev.lowrank.engine.format.PeftPromptTuning;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Workspace;

/** Opens adapters of every kind on a model. */
public final class Adapters {
    private Adapters() {}

    /**
     * An adapter from a folder, not yet attached.
     *
     * @param trainable whether its tensors get gradients
     * @param memory holds its tensors
     * @throws InputException if it names what the model does not have, or its shapes do not fit
     */
    public static Adapter open(
            PeftFolder folder, Transformer model, boolean trainable, Kernels kernels, Workspace memory) {
        AdapterTensors tensors = new AdapterTensors(folder, trainable, kernels, memory);
        return build(folder.config(), model, tensors, 0);
    }

    /** What a configuration describes, with the tensors of a folder or new ones. */
    static Adapter build(PeftConfig config, Transformer model, AdapterTensors tensors, long seed) {
        return switch (config) {
            case PeftLora lora -> LoraAdapter.build(lora, model, tensors, seed);
            case PeftIa3 ia3 -> Ia3Adapter.build(ia3, model, tensors);
            case PeftPrefixTuning prefix -> PrefixAdapter.build(prefix, model, tensors, seed);
            case PeftPromptTuning prompt -> PromptAdapter.build(prompt, model, tensors, seed);
            case PeftBottleneck bottleneck -> BottleneckAdapter.build(bottleneck, model, tensors, seed);
        };
    }
}
