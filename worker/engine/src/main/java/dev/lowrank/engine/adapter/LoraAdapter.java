package dev.lowrank.engine.adapter;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.AdapterWeights;
import dev.lowrank.engine.format.PeftConfig;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.model.Linear;
import dev.lowrank.engine.model.Llama;
import dev.lowrank.engine.spec.AdapterInit;
import dev.lowrank.engine.spec.LoraSpec;
import dev.lowrank.engine.spec.SpecException;
import dev.lowrank.engine.tape.LowRank;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * A LoRA adapter on a model: for each adapted layer of [out, in], A [r, in] and B [out, r] in fp32, added as
 * {@code alpha / r * B A}.
 */
public final class LoraAdapter {
    private static final String PREFIX = "base_model.model.";

    private record Adapted(Linear linear, LowRank lowRank) {}

    private final PeftConfig config;
    private final Kernels kernels;
    private final List<Adapted> layers;

    private LoraAdapter(PeftConfig config, Kernels kernels, List<Adapted> layers) {
        this.config = config;
        this.kernels = kernels;
        this.layers = layers;
    }

    /**
     * A new adapter that changes nothing yet: A random by the seed, B zero.
     *
     * @throws SpecException if a target names no linear layer of the model
     */
    public static LoraAdapter create(
            LoraSpec spec, Llama model, String baseName, long seed, Kernels kernels, Workspace memory) {
        List<Adapted> layers = new ArrayList<>();
        for (Linear linear : targets(spec, model)) {
            Parameter a = parameter(linear, "lora_A", memory, spec.rank(), linear.inputs());
            Parameter b = parameter(linear, "lora_B", memory, linear.outputs(), spec.rank());
            kernels.upload(initialA(spec, linear, CounterRandom.key(seed, linear.path())), 0, a.value());
            kernels.zero(b.value());
            layers.add(new Adapted(
                    linear,
                    new LowRank(a, b, (float) spec.scale(linear.path()), (float) spec.dropout(), layers.size())));
        }
        List<String> modules = layers.stream()
                .map(layer -> lastName(layer.linear().path()))
                .distinct()
                .sorted()
                .toList();
        PeftConfig config = new PeftConfig(spec.rank(), spec.alpha(), spec.dropout(), modules, baseName, false);
        return new LoraAdapter(config, kernels, List.copyOf(layers));
    }

    /**
     * An adapter from a PEFT folder.
     *
     * @param trainable whether its factors get gradients
     * @throws InputException if it names a layer the model does not have, or its shapes do not fit
     */
    public static LoraAdapter load(
            PeftFolder folder, Llama model, boolean trainable, Kernels kernels, Workspace memory) {
        PeftConfig config = folder.config();
        float scale = (float) (config.alpha() / config.rank());
        Set<String> remaining = new TreeSet<>(folder.modules());
        List<Adapted> layers = new ArrayList<>();
        for (Linear linear : model.linears()) {
            if (!remaining.remove(linear.path())) {
                continue;
            }
            requireShape(folder, linear, folder.shapeA(linear.path()), config.rank(), linear.inputs());
            requireShape(folder, linear, folder.shapeB(linear.path()), linear.outputs(), config.rank());
            Parameter a = parameter(linear, "lora_A", trainable, memory, config.rank(), linear.inputs());
            Parameter b = parameter(linear, "lora_B", trainable, memory, linear.outputs(), config.rank());
            kernels.upload(folder.a(linear.path()), 0, a.value());
            kernels.upload(folder.b(linear.path()), 0, b.value());
            layers.add(new Adapted(linear, new LowRank(a, b, scale, (float) config.dropout(), layers.size())));
        }
        if (!remaining.isEmpty()) {
            throw new InputException(
                    "Adapter %s adapts \"%s\", which the base does not have; it was made for another base (%s)."
                            .formatted(folder.path(), remaining.iterator().next(), config.baseModel()));
        }
        return new LoraAdapter(config, kernels, List.copyOf(layers));
    }

    /** Puts the adapter on its model's layers. */
    public void attach() {
        layers.forEach(layer -> layer.linear().adapter(layer.lowRank()));
    }

    /** Takes the adapter off, so that the model is the base again. */
    public void detach() {
        layers.forEach(layer -> layer.linear().adapter(null));
    }

    /** A and B of every layer, in the order of the model. */
    public List<Parameter> parameters() {
        return layers.stream()
                .flatMap(layer -> Stream.of(layer.lowRank().a(), layer.lowRank().b()))
                .toList();
    }

    /** Writes a PEFT folder: {@code adapter_config.json} and {@code adapter_model.safetensors}. */
    public void write(Path folder) {
        List<AdapterWeights> weights = new ArrayList<>();
        for (Adapted layer : layers) {
            Linear linear = layer.linear();
            weights.add(new AdapterWeights(
                    linear.path(),
                    config.rank(),
                    linear.inputs(),
                    linear.outputs(),
                    values(layer.lowRank().a().value()),
                    values(layer.lowRank().b().value())));
        }
        PeftFolder.write(folder, config, weights);
    }

    private float[] values(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.size())];
        kernels.download(tensor, values, 0);
        return values;
    }

    private static List<Linear> targets(LoraSpec spec, Llama model) {
        if (spec.targets().allLinear()) {
            return model.linears();
        }
        for (String target : spec.targets().names()) {
            if (model.linears().stream().noneMatch(linear -> matches(linear, target))) {
                String known = String.join(
                        ", ",
                        new TreeSet<>(model.linears().stream()
                                .map(l -> lastName(l.path()))
                                .toList()));
                throw new SpecException(
                        "adapter.target_modules",
                        "names \"%s\", but the base has no such linear layer; it has: %s.".formatted(target, known));
            }
        }
        return model.linears().stream()
                .filter(linear -> spec.targets().names().stream().anyMatch(target -> matches(linear, target)))
                .toList();
    }

    private static boolean matches(Linear linear, String target) {
        return linear.path().equals(target) || linear.path().endsWith("." + target);
    }

    /** Kaiming's uniform with a = sqrt(5) is +-1/sqrt(in); the Gaussian has standard deviation 1/r. */
    private static float[] initialA(LoraSpec spec, Linear linear, long key) {
        float[] a = new float[Math.multiplyExact(spec.rank(), linear.inputs())];
        double bound = 1 / Math.sqrt(linear.inputs());
        for (int i = 0; i < a.length; i++) {
            a[i] = (float)
                    (spec.init() == AdapterInit.KAIMING
                            ? bound * (2 * CounterRandom.uniform(key, i) - 1)
                            : CounterRandom.normal(key, i) / spec.rank());
        }
        return a;
    }

    private static Parameter parameter(Linear linear, String factor, Workspace memory, long... shape) {
        return parameter(linear, factor, true, memory, shape);
    }

    private static Parameter parameter(
            Linear linear, String factor, boolean trainable, Workspace memory, long... shape) {
        String name = PREFIX + linear.path() + "." + factor + ".weight";
        return new Parameter(name, memory.take(shape), trainable ? memory.take(shape) : null);
    }

    private static void requireShape(PeftFolder folder, Linear linear, long[] found, long... wanted) {
        if (!Arrays.equals(found, wanted)) {
            throw new InputException(
                    "Adapter %s has a factor of shape %s for \"%s\", but the base needs %s; it was made for another base."
                            .formatted(folder.path(), Arrays.toString(found), linear.path(), Arrays.toString(wanted)));
        }
    }

    private static String lastName(String path) {
        return path.substring(path.lastIndexOf('.') + 1);
    }
}
