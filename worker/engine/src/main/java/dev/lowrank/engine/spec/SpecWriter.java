package dev.lowrank.engine.spec;

import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Writes a spec with every value said; {@code null} stands where there is none of a thing. */
final class SpecWriter {
    private SpecWriter() {}

    static ObjectNode write(TrainingSpec spec) {
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        root.put("base_model", spec.baseModel());
        root.put("training_file", spec.trainingFile());
        putIfPresent(root, "validation_file", spec.validationFile());
        root.put("format", spec.format().key());
        root.put("method", spec.method().key());
        root.set("quantization", quantization(spec.quantization()));
        putIfPresent(root, "output", spec.output());
        putIfPresent(root, "initial_adapter", spec.initialAdapter());
        AdapterSpec adapter = spec.adapter();
        if (adapter != null) {
            root.set("adapter", adapter(adapter));
        }
        root.set("training", training(spec.training()));
        return root;
    }

    private static ObjectNode quantization(Quantization quantization) {
        ObjectNode node = JsonNodeFactory.instance.objectNode();
        node.put("type", quantization.type().key());
        if (quantization.quantizes()) {
            node.put("double", quantization.doubled());
        }
        return node;
    }

    /** The {@code adapter} section; of an initial adapter what the spec says of it. */
    static ObjectNode adapter(AdapterSpec adapter) {
        ObjectNode node = JsonNodeFactory.instance.objectNode();
        switch (adapter) {
            case LoraSpec lora -> write(node, lora);
            case BottleneckSpec bottleneck -> {
                node.put("size", bottleneck.size());
                node.put("activation", bottleneck.activation().key());
                node.put("placement", bottleneck.placement().key());
            }
            case PrefixSpec prefix -> node.put("virtual_tokens", prefix.virtualTokens());
            case PromptSpec prompt -> {
                node.put("virtual_tokens", prompt.virtualTokens());
                node.put("init", prompt.init().key());
                putIfPresent(node, "init_text", prompt.initText());
            }
            case Ia3Spec ia3 -> {
                putTargets(node, ia3.targets());
                putNames(node, "feedforward_modules", ia3.feedforwardModules());
            }
            case InitialAdapter initial -> initial.said().forEach(node::set);
        }
        return node;
    }

    private static void write(ObjectNode node, LoraSpec lora) {
        node.put("rank", lora.rank());
        node.put("alpha", lora.alpha());
        node.put("dropout", lora.dropout());
        putTargets(node, lora.targets());
        node.put("init", lora.init().key());
        node.put("rslora", lora.rslora());
        node.put("dora", lora.dora());
        ObjectNode ranks = node.putObject("rank_pattern");
        lora.rankPattern().forEach(ranks::put);
        ObjectNode alphas = node.putObject("alpha_pattern");
        lora.alphaPattern().forEach(alphas::put);
        List<Integer> layers = lora.layers();
        if (layers == null) {
            node.putNull("layers");
        } else {
            ArrayNode numbers = node.putArray("layers");
            layers.forEach(numbers::add);
        }
        putNames(node, "modules_to_save", lora.modulesToSave());
        node.put("bias", lora.bias().key());
    }

    private static ObjectNode training(TrainingSettings t) {
        ObjectNode node = JsonNodeFactory.instance.objectNode();
        node.put("epochs", t.epochs());
        node.put("max_steps", t.maxSteps());
        node.put("micro_batch_size", t.microBatchSize());
        node.put("gradient_accumulation", t.gradientAccumulation());
        node.put("learning_rate", t.learningRate());
        node.put("schedule", t.schedule().key());
        node.put("warmup_steps", t.warmupSteps());
        node.put("weight_decay", t.weightDecay());
        node.putArray("betas").add(t.beta1()).add(t.beta2());
        node.put("epsilon", t.epsilon());
        node.put("max_grad_norm", t.maxGradNorm());
        node.put("max_length", t.maxLength());
        node.put("shuffle", t.shuffle());
        node.put("seed", t.seed());
        node.put("train_on", t.trainOn().key());
        node.put("checkpoint_every_steps", t.checkpointEverySteps());
        node.put("dtype", t.dtype().key());
        node.put("packing", t.packing());
        node.put("gradient_checkpointing", t.gradientCheckpointing().key());
        if (t.beta() != null) {
            node.put("beta", t.beta());
        }
        node.put("optimizer", t.optimizer().key());
        node.put("paged", t.paged());
        node.put("neftune_alpha", t.neftuneAlpha());
        write(node, t.evaluation());
        return node;
    }

    private static void write(ObjectNode node, Evaluation evaluation) {
        node.put("evaluate_every_steps", evaluation.everySteps());
        EarlyStopping stopping = evaluation.earlyStopping();
        if (stopping == null) {
            node.putNull("early_stopping");
        } else {
            node.putObject("early_stopping")
                    .put("patience", stopping.patience())
                    .put("min_delta", stopping.minDelta());
        }
        node.put("keep", evaluation.keep().key());
    }

    private static void putTargets(ObjectNode node, @Nullable Targets targets) {
        if (targets != null && targets.allLinear()) {
            node.put("target_modules", Targets.EVERY);
        } else {
            putNames(node, "target_modules", targets == null ? null : targets.names());
        }
    }

    private static void putNames(ObjectNode node, String field, @Nullable List<String> names) {
        if (names == null) {
            node.putNull(field);
        } else {
            ArrayNode array = node.putArray(field);
            names.forEach(array::add);
        }
    }

    private static void putIfPresent(ObjectNode node, String field, @Nullable String value) {
        if (value != null) {
            node.put(field, value);
        }
    }
}
