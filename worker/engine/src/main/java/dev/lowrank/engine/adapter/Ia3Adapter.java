package dev.lowrank.engine.adapter;

import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftIa3;
import dev.lowrank.engine.format.PeftKey;
import dev.lowrank.engine.model.Linear;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.engine.tape.Rescaling;
import dev.lowrank.kernels.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** IA3: a factor, one at first, for each output of a layer, or for each input of a feed-forward one. */
final class Ia3Adapter implements Adapter {
    private record Adapted(Linear linear, Rescaling rescaling) {}

    private final PeftIa3 config;
    private final AdapterTensors tensors;
    private final List<Adapted> layers = new ArrayList<>();

    private Ia3Adapter(PeftIa3 config, AdapterTensors tensors) {
        this.config = config;
        this.tensors = tensors;
    }

    static Ia3Adapter build(PeftIa3 config, Transformer model, AdapterTensors tensors) {
        Ia3Adapter adapter = new Ia3Adapter(config, tensors);
        for (Linear linear : model.linears()) {
            if (config.modules().targets(linear.path())) {
                adapter.adapt(linear);
            }
        }
        tensors.refuseUnused();
        return adapter;
    }

    /** PEFT keeps factors of inputs as [1, in] and of outputs as [out, 1]. */
    private void adapt(Linear linear) {
        boolean input = config.onInputs(linear.path());
        int width = input ? linear.inputs() : linear.outputs();
        long[] shape = input ? new long[] {1, width} : new long[] {width, 1};
        Parameter stored = tensors.take(PeftKey.ia3(linear.path()), () -> AdapterTensors.filled(width, 1), shape);
        Tensor gradient = stored.gradient();
        Parameter factor = new Parameter(
                stored.name(), stored.value().reshape(width), gradient == null ? null : gradient.reshape(width));
        layers.add(new Adapted(linear, new Rescaling(factor, input)));
    }

    @Override
    public void attach() {
        layers.forEach(layer -> layer.linear().adapter(layer.rescaling()));
    }

    @Override
    public void detach() {
        layers.forEach(layer -> layer.linear().adapter(null));
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
