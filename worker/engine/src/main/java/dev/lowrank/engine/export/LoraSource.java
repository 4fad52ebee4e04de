package dev.lowrank.engine.export;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.JsonFile;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.Refusal;
import dev.lowrank.engine.format.SafetensorsFile;
import dev.lowrank.engine.format.TensorInfo;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/**
 * A LoRA adapter as PEFT stores it, with everything that a GGUF adapter can express: rank and alpha patterns and rank
 * stabilisation, which {@link #scale} resolves for each module.
 */
final class LoraSource implements AutoCloseable {
    private static final int LARGEST_CONFIG = 1 << 20;
    /** PEFT reads keys as regular expressions; of those, the ones that are names and nothing else. */
    private static final Pattern PLAIN_KEY = Pattern.compile("[A-Za-z0-9_.-]{1,200}");

    private static final String PREFIX = "base_model.model.";
    private static final String A = ".lora_A.weight";
    private static final String B = ".lora_B.weight";

    /** Set fields that change no number of what is stored. */
    private static final Set<String> HARMLESS = Set.of(
            "peft_type",
            "task_type",
            "r",
            "lora_alpha",
            "lora_dropout",
            "target_modules",
            "exclude_modules",
            "layers_to_transform",
            "layers_pattern",
            "rank_pattern",
            "alpha_pattern",
            "use_rslora",
            "base_model_name_or_path",
            "fan_in_fan_out",
            "bias",
            "init_lora_weights",
            "auto_mapping",
            "eva_config",
            "inference_mode",
            "megatron_core",
            "peft_version",
            "qalora_group_size",
            "revision",
            "runtime_config");

    private static final Set<String> PLAIN_STARTS = Set.of("gaussian", "orthogonal", "eva");

    private final Path folder;
    private final Settings config;
    private final SafetensorsFile weights;
    private final Map<String, Integer> ranks = new TreeMap<>();

    private LoraSource(Path folder, Settings config, SafetensorsFile weights) {
        this.folder = folder;
        this.config = config;
        this.weights = weights;
    }

    /** @throws InputException if it is no LoRA adapter, or one that a GGUF adapter cannot express */
    static LoraSource open(Path folder) {
        Path file = folder.resolve(PeftFolder.CONFIG);
        if (!Files.exists(file)) {
            throw Refusal.of(folder, "holds no adapter_config.json; name the folder that PEFT or this program wrote");
        }
        JsonNode json = JsonFile.read(file, LARGEST_CONFIG);
        if (!json.isObject()) {
            throw Refusal.of(file, "is not a JSON object; take the adapter's own adapter_config.json");
        }
        Settings config = Settings.ofAdapter(file, json);
        checkExpressible(config);
        SafetensorsFile weights = SafetensorsFile.open(folder.resolve(PeftFolder.WEIGHTS));
        try {
            LoraSource source = new LoraSource(folder, config, weights);
            source.collect();
            return source;
        } catch (RuntimeException | Error e) {
            weights.close();
            throw e;
        }
    }

    private static void checkExpressible(Settings config) {
        config.mustBe("peft_type", "LORA", "a GGUF adapter can be nothing but LoRA");
        config.mustBe("bias", "none", "a GGUF adapter has no place for biases");
        refuseSet(config, "use_dora", "llama.cpp adds an adapter and does not rescale weights by it");
        refuseSet(config, "modules_to_save", "a GGUF adapter has no place for whole modules");
        JsonNode start = config.json().path("init_lora_weights");
        if (start.isString() && !PLAIN_STARTS.contains(start.stringValue())) {
            throw config.inexpressible(
                    "init_lora_weights",
                    "that start changes the base too, and the adapter alone would be another model");
        }
        config.json().forEachEntry((field, value) -> {
            if (!HARMLESS.contains(field)) {
                refuseSet(config, field, "a GGUF adapter has no place for it");
            }
        });
    }

    private static void refuseSet(Settings config, String field, String why) {
        JsonNode value = config.json().path(field);
        boolean off = value.isMissingNode()
                || value.isNull()
                || value.isBoolean() && !value.booleanValue()
                || value.isContainer() && value.isEmpty()
                || value.isString() && value.stringValue().isEmpty();
        if (!off) {
            throw config.inexpressible(field, why);
        }
    }

    private void collect() {
        for (TensorInfo tensor : weights.tensors().values()) {
            String name = tensor.name();
            boolean isA = name.endsWith(A);
            boolean pair = name.startsWith(PREFIX)
                    && (isA || name.endsWith(B))
                    && name.length() > PREFIX.length() + A.length();
            if (!pair || !tensor.dtype().readableAsFloats() || tensor.shape().length != 2 || tensor.count() == 0) {
                throw refuse(
                        "holds %s, which is no matrix of a linear layer's LoRA, and a GGUF adapter has no place for it; merge the"
                                        .formatted(Refusal.quoted(name))
                                + " adapter and export the whole model");
            }
            String module = name.substring(PREFIX.length(), name.length() - A.length());
            int rank = rank(module);
            if (tensor.shape()[isA ? 0 : 1] != rank) {
                throw refuse(
                        "holds %s of another rank than the %d of adapter_config.json; take both files from one adapter"
                                .formatted(Refusal.quoted(name), rank));
            }
            ranks.put(module, rank);
        }
        for (String module : ranks.keySet()) {
            if (!weights.tensors().containsKey(PREFIX + module + A)
                    || !weights.tensors().containsKey(PREFIX + module + B)) {
                throw refuse("holds only one of lora_A and lora_B for %s; copy the adapter again"
                        .formatted(Refusal.quoted(module)));
            }
        }
        if (ranks.isEmpty()) {
            throw refuse("holds no adapted layer; copy or train the adapter again");
        }
    }

    private InputException refuse(String problem) {
        return Refusal.of(folder.resolve(PeftFolder.WEIGHTS), problem);
    }

    Path path() {
        return folder;
    }

    /** Adapted modules with their ranks, sorted. */
    Map<String, Integer> ranks() {
        return ranks;
    }

    /** The alpha of the whole adapter; patterns may name others. */
    double alpha() {
        return config.number("lora_alpha");
    }

    private int rank(String module) {
        Settings patterns = config.object("rank_pattern");
        String key = matching(patterns, module);
        return key.isEmpty() ? config.positive("r") : patterns.positive(key);
    }

    /** What PEFT multiplies B A by. */
    double scale(String module) {
        Settings patterns = config.object("alpha_pattern");
        String key = matching(patterns, module);
        double alpha = key.isEmpty() ? alpha() : patterns.number(key);
        int rank = rank(module);
        return config.flag("use_rslora", false) ? alpha / Math.sqrt(rank) : alpha / rank;
    }

    /** The first key that is the module's path or an ending of it after a dot; or empty. */
    private String matching(Settings patterns, String module) {
        for (Map.Entry<String, JsonNode> entry : patterns.json().properties()) {
            String key = entry.getKey();
            if (!PLAIN_KEY.matcher(key).matches()) {
                throw Refusal.of(
                        config.file(),
                        "has the pattern %s where only names of modules are read; write each module's name"
                                .formatted(Refusal.quoted(key)));
            }
            if (module.equals(key) || module.endsWith("." + key)) {
                return key;
            }
        }
        return "";
    }

    /** [rank, in] */
    StoredMatrix a(String module) {
        return matrix(PREFIX + module + A);
    }

    /** [out, rank] */
    StoredMatrix b(String module) {
        return matrix(PREFIX + module + B);
    }

    long in(String module) {
        return weights.info(PREFIX + module + A).shape()[1];
    }

    long out(String module) {
        return weights.info(PREFIX + module + B).shape()[0];
    }

    private StoredMatrix matrix(String name) {
        TensorInfo info = weights.info(name);
        return new StoredMatrix(weights.bytes(name), info.dtype(), info.shape()[1]);
    }

    @Override
    public void close() {
        weights.close();
    }
}
