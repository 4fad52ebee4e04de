package dev.lowrank.engine.adapter;

import dev.lowrank.engine.format.PeftBottleneck;
import dev.lowrank.engine.format.PeftConfig;
import dev.lowrank.engine.format.PeftIa3;
import dev.lowrank.engine.format.PeftLora;
import dev.lowrank.engine.format.PeftModules;
import dev.lowrank.engine.format.PeftPrefixTuning;
import dev.lowrank.engine.format.PeftPromptTuning;
import dev.lowrank.engine.format.PeftTargets;
import dev.lowrank.engine.model.Linear;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.spec.Activation;
import dev.lowrank.engine.spec.AdapterInit;
import dev.lowrank.engine.spec.AdapterSpec;
import dev.lowrank.engine.spec.BiasMode;
import dev.lowrank.engine.spec.BottleneckSpec;
import dev.lowrank.engine.spec.Ia3Spec;
import dev.lowrank.engine.spec.LoraSpec;
import dev.lowrank.engine.spec.Placement;
import dev.lowrank.engine.spec.PrefixSpec;
import dev.lowrank.engine.spec.PromptInit;
import dev.lowrank.engine.spec.PromptSpec;
import dev.lowrank.engine.spec.Targets;
import java.util.List;

/** What a stored adapter's configuration would look like in a spec, to compare the two. */
final class StoredAdapter {
    private StoredAdapter() {}

    static AdapterSpec settings(PeftConfig config, Transformer model) {
        return switch (config) {
            case PeftLora lora -> lora(lora, model);
            case PeftIa3 ia3 ->
                new Ia3Spec(
                        targets(ia3.modules(), model),
                        model.linears().stream()
                                .map(Linear::path)
                                .filter(path -> ia3.modules().targets(path) && ia3.onInputs(path))
                                .map(StoredAdapter::lastName)
                                .distinct()
                                .toList());
            case PeftPrefixTuning prefix -> new PrefixSpec(prefix.tokens());
            case PeftPromptTuning prompt -> new PromptSpec(prompt.tokens(), PromptInit.RANDOM, null);
            case PeftBottleneck bottleneck ->
                new BottleneckSpec(
                        bottleneck.size(),
                        Activation.valueOf(bottleneck.activation().name()),
                        Placement.valueOf(bottleneck.placement().name()));
        };
    }

    private static LoraSpec lora(PeftLora lora, Transformer model) {
        return new LoraSpec(
                lora.rank(),
                lora.alpha(),
                lora.dropout(),
                targets(lora.modules(), model),
                lora.init() == PeftLora.Init.GAUSSIAN ? AdapterInit.GAUSSIAN : AdapterInit.KAIMING,
                lora.rslora(),
                lora.dora(),
                lora.rankPattern().values(),
                lora.alphaPattern().values(),
                lora.modules().layers().isEmpty() ? null : lora.modules().layers(),
                lora.modules().save(),
                switch (lora.bias()) {
                    case NONE -> BiasMode.NONE;
                    case ALL -> BiasMode.ALL;
                    case ADAPTED -> BiasMode.LORA_ONLY;
                });
    }

    private static Targets targets(PeftModules modules, Transformer model) {
        if (modules.targets() instanceof PeftTargets.Listed listed) {
            return new Targets(listed.names());
        }
        List<String> names = model.linears().stream()
                .map(Linear::path)
                .filter(modules::targets)
                .map(StoredAdapter::lastName)
                .distinct()
                .sorted()
                .toList();
        return new Targets(names);
    }

    static String lastName(Linear linear) {
        return lastName(linear.path());
    }

    private static String lastName(String path) {
        return path.substring(path.lastIndexOf('.') + 1);
    }
}
