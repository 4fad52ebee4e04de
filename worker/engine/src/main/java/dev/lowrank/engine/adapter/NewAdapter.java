package dev.lowrank.engine.adapter;

import dev.lowrank.engine.Quoted;
import dev.lowrank.engine.family.Architecture;
import dev.lowrank.engine.format.PeftBottleneck;
import dev.lowrank.engine.format.PeftConfig;
import dev.lowrank.engine.format.PeftIa3;
import dev.lowrank.engine.format.PeftLora;
import dev.lowrank.engine.format.PeftModules;
import dev.lowrank.engine.format.PeftPatterns;
import dev.lowrank.engine.format.PeftPrefixTuning;
import dev.lowrank.engine.format.PeftPromptTuning;
import dev.lowrank.engine.format.PeftTargets;
import dev.lowrank.engine.model.Linear;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.spec.AdapterSpec;
import dev.lowrank.engine.spec.BottleneckSpec;
import dev.lowrank.engine.spec.Ia3Spec;
import dev.lowrank.engine.spec.InitialAdapter;
import dev.lowrank.engine.spec.LoraSpec;
import dev.lowrank.engine.spec.PrefixSpec;
import dev.lowrank.engine.spec.PromptSpec;
import dev.lowrank.engine.spec.SpecException;
import dev.lowrank.engine.spec.Targets;
import java.util.List;
import java.util.Objects;
import java.util.TreeSet;

/** What a spec asks for, as the configuration that will be written beside the weights. */
final class NewAdapter {
    private final Transformer model;
    private final Architecture architecture;
    private final String baseName;

    NewAdapter(Transformer model, String baseName) {
        this.model = model;
        this.architecture = model.architecture();
        this.baseName = baseName;
    }

    /** @throws SpecException if it names a layer or a module the model does not have */
    PeftConfig config(AdapterSpec spec) {
        return switch (spec) {
            case LoraSpec lora -> lora(lora);
            case Ia3Spec ia3 -> ia3(ia3.forFamily(architecture.family()));
            case PrefixSpec prefix ->
                new PeftPrefixTuning(
                        prefix.virtualTokens(),
                        architecture.layers().size(),
                        architecture.attention().kvHeads(),
                        architecture.keyWidth(),
                        baseName);
            case PromptSpec prompt ->
                new PeftPromptTuning(
                        prompt.virtualTokens(),
                        architecture.width(),
                        architecture.layers().size(),
                        architecture.attention().heads(),
                        baseName);
            case BottleneckSpec bottleneck ->
                new PeftBottleneck(
                        bottleneck.size(),
                        architecture.width(),
                        architecture.layers().size(),
                        PeftBottleneck.Activation.valueOf(
                                bottleneck.activation().name()),
                        PeftBottleneck.Placement.valueOf(bottleneck.placement().name()),
                        baseName);
            case InitialAdapter initial ->
                throw new IllegalArgumentException("The adapter in %s exists already.".formatted(initial.folder()));
        };
    }

    private PeftLora lora(LoraSpec spec) {
        requireModules("adapter.modules_to_save", spec.modulesToSave());
        PeftModules modules = PeftModules.listed(names(spec.targets())).saving(spec.modulesToSave());
        List<Integer> layers = spec.layers();
        if (layers != null) {
            requireLayers(layers);
            modules = modules.inLayers(layers);
        }
        return new PeftLora(
                modules,
                spec.rank(),
                spec.alpha(),
                spec.dropout(),
                PeftPatterns.of(spec.rankPattern()),
                PeftPatterns.of(spec.alphaPattern()),
                switch (spec.bias()) {
                    case NONE -> PeftLora.Bias.NONE;
                    case ALL -> PeftLora.Bias.ALL;
                    case LORA_ONLY -> PeftLora.Bias.ADAPTED;
                },
                spec.rslora(),
                spec.dora(),
                architecture.names().transposed(),
                switch (spec.init()) {
                    case GAUSSIAN -> PeftLora.Init.GAUSSIAN;
                    // What the base was moved by becomes part of the factors, which then are plain ones.
                    case KAIMING, PISSA, OLORA -> PeftLora.Init.KAIMING;
                },
                baseName);
    }

    private PeftIa3 ia3(Ia3Spec spec) {
        PeftModules modules = PeftModules.listed(names(Objects.requireNonNull(spec.targets())));
        List<String> feedForward = Objects.requireNonNull(spec.feedforwardModules());
        return new PeftIa3(
                modules,
                feedForward.isEmpty() ? null : new PeftTargets.Listed(feedForward),
                architecture.names().transposed(),
                baseName);
    }

    /** The names PEFT would list: as they stand, or the last names of all linear layers. */
    private List<String> names(Targets targets) {
        List<Linear> linears = model.linears();
        if (targets.allLinear()) {
            return lastNames(linears);
        }
        for (String target : targets.names()) {
            if (linears.stream().noneMatch(linear -> matches(linear.path(), target))) {
                throw new SpecException(
                        "adapter.target_modules",
                        "names %s, but the base has no such linear layer; it has: %s."
                                .formatted(Quoted.of(target), String.join(", ", lastNames(linears))));
            }
        }
        return targets.names();
    }

    private static List<String> lastNames(List<Linear> linears) {
        return List.copyOf(new TreeSet<>(linears.stream()
                .map(linear -> linear.path().substring(linear.path().lastIndexOf('.') + 1))
                .toList()));
    }

    private static boolean matches(String path, String name) {
        return path.equals(name) || path.endsWith("." + name);
    }

    private void requireLayers(List<Integer> layers) {
        int count = architecture.layers().size();
        for (int layer : layers) {
            if (layer >= count) {
                throw new SpecException(
                        "adapter.layers", "names layer %d, but the base has %d, from 0.".formatted(layer, count));
            }
        }
    }

    private void requireModules(String field, List<String> modules) {
        for (String module : modules) {
            if (model.slots().keySet().stream()
                    .map(name -> name.substring(0, name.lastIndexOf('.')))
                    .noneMatch(path -> matches(path, module))) {
                throw new SpecException(
                        field, "names %s, but the base has no such module.".formatted(Quoted.of(module)));
            }
        }
    }
}
