package dev.lowrank.engine.adapter;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.PeftBottleneck;
import dev.lowrank.engine.format.PeftConfig;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftIa3;
import dev.lowrank.engine.format.PeftLora;
import dev.lowrank.engine.format.PeftPrefixTuning;
import dev.lowrank.engine.format.PeftPromptTuning;
import dev.lowrank.engine.model.Linear;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.spec.AdapterSpec;
import dev.lowrank.engine.spec.InitialAdapter;
import dev.lowrank.engine.spec.LoraSpec;
import dev.lowrank.engine.spec.PromptInit;
import dev.lowrank.engine.spec.PromptSpec;
import dev.lowrank.engine.spec.SpecException;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Workspace;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Makes and opens adapters of every kind on a model. */
public final class Adapters {
    private Adapters() {}

    /**
     * The adapter a spec trains, new or to be trained further; not yet attached.
     *
     * @param memory holds its tensors
     * @throws SpecException if the spec asks for what the model or the folder does not have
     */
    public static Adapter prepare(
            TrainingSpec spec, AdapterSpec wanted, Transformer model, Kernels kernels, Workspace memory) {
        if (wanted instanceof InitialAdapter initial) {
            return further(spec, initial, model, kernels, memory);
        }
        float[] text = kernels.computes() && wanted instanceof PromptSpec prompt && prompt.init() == PromptInit.TEXT
                ? PromptText.embeddings(prompt, Path.of(spec.baseModel()), model, kernels)
                : null;
        return create(wanted, model, spec.baseModel(), spec.training().seed(), text, kernels, memory);
    }

    /**
     * A new adapter that changes nothing, or little, yet; not attached. Virtual tokens are random, whatever the spec says.
     *
     * @param baseName what the configuration calls the base
     * @throws SpecException if it names a layer or a module the model does not have
     */
    public static Adapter create(
            AdapterSpec wanted, Transformer model, String baseName, long seed, Kernels kernels, Workspace memory) {
        return create(wanted, model, baseName, seed, null, kernels, memory);
    }

    private static Adapter create(
            AdapterSpec wanted,
            Transformer model,
            String baseName,
            long seed,
            float @Nullable [] prompt,
            Kernels kernels,
            Workspace memory) {
        AdapterTensors tensors = new AdapterTensors(null, true, kernels, memory);
        MovedBase moved = wanted instanceof LoraSpec lora && lora.init().movesBase()
                ? new MovedBase(lora.init(), model, kernels, memory)
                : null;
        return build(new NewAdapter(model, baseName).config(wanted), model, tensors, seed, moved, prompt);
    }

    private static Adapter further(
            TrainingSpec spec, InitialAdapter initial, Transformer model, Kernels kernels, Workspace memory) {
        try (PeftFolder folder = PeftFolder.open(Path.of(initial.folder()))) {
            AdapterSpec found = StoredAdapter.settings(folder.config(), model);
            if (!found.fits(spec.method())) {
                throw new SpecException(
                        "initial_adapter",
                        "is a %s adapter, which method \"%s\" does not train."
                                .formatted(folder.config().kind(), spec.method().key()));
            }
            initial.requireAgreement(
                    found, model.linears().stream().map(StoredAdapter::lastName).toList());
            return open(folder, model, true, kernels, memory);
        }
    }

    /**
     * An adapter from a folder, not yet attached.
     *
     * @param trainable whether its tensors get gradients
     * @param memory holds its tensors
     * @throws InputException if it names what the model does not have, or its shapes do not fit
     */
    public static Adapter open(
            PeftFolder folder, Transformer model, boolean trainable, Kernels kernels, Workspace memory) {
        folder.requireModules(model.linears().stream().map(Linear::path).toList());
        AdapterTensors tensors = new AdapterTensors(folder, trainable, kernels, memory);
        return build(folder.config(), model, tensors, 0, null, null);
    }

    /** What a configuration describes, with the tensors of a folder or new ones. */
    private static Adapter build(
            PeftConfig config,
            Transformer model,
            AdapterTensors tensors,
            long seed,
            @Nullable MovedBase moved,
            float @Nullable [] prompt) {
        return switch (config) {
            case PeftLora lora -> LoraAdapter.build(lora, model, tensors, seed, moved);
            case PeftIa3 ia3 -> Ia3Adapter.build(ia3, model, tensors);
            case PeftPrefixTuning prefix -> VirtualTokens.prefix(prefix, model, tensors, seed);
            case PeftPromptTuning tuning -> VirtualTokens.prompt(tuning, model, tensors, seed, prompt);
            case PeftBottleneck bottleneck -> BottleneckAdapter.build(bottleneck, model, tensors, seed);
        };
    }
}
