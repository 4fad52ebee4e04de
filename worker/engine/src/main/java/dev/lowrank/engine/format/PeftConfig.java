package dev.lowrank.engine.format;

import dev.lowrank.engine.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.util.DefaultIndenter;
import tools.jackson.core.util.DefaultPrettyPrinter;
import tools.jackson.core.util.Separators;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What an {@code adapter_config.json} says of a plain LoRA adapter: {@code y = W x + (alpha / rank) * B A x}.
 *
 * @param targetModules module paths or their endings, or the single word {@code all-linear}
 * @param baseModel the base model as its trainer named it; null when the file does not say
 * @param fanInFanOut whether the base layers store their weight as [in, out], as GPT-2 does; A and B lie the same either
 *     way
 */
public record PeftConfig(
        int rank,
        double alpha,
        double dropout,
        List<String> targetModules,
        @Nullable String baseModel,
        boolean fanInFanOut) {
    private static final int LARGEST_FILE = 1 << 20;
    private static final int HIGHEST_RANK = 4096;
    private static final String ALL_LINEAR = "all-linear";

    /** Starting values that leave the base weights alone, so that A and B are the whole adapter. */
    private static final Set<String> PLAIN_INITS = Set.of("gaussian", "orthogonal", "eva");

    /** Fields that are read below, or say where the adapter comes from and change no number. */
    private static final Set<String> HARMLESS = Set.of(
            "peft_type",
            "task_type",
            "r",
            "lora_alpha",
            "lora_dropout",
            "target_modules",
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

    public PeftConfig {
        targetModules = List.copyOf(targetModules);
        if (rank < 1 || rank > HIGHEST_RANK || !(alpha > 0) || !Double.isFinite(alpha)) {
            throw new IllegalArgumentException("rank %d and alpha %s make no adapter".formatted(rank, alpha));
        }
        if (!(dropout >= 0 && dropout < 1) || targetModules.isEmpty()) {
            throw new IllegalArgumentException("dropout %s on modules %s".formatted(dropout, targetModules));
        }
    }

    /** {@code alpha / rank}. */
    public double scale() {
        return alpha / rank;
    }

    /** Whether a module path is meant: it is listed, or its ending after a dot is. */
    public boolean targets(String module) {
        return targetModules.equals(List.of(ALL_LINEAR))
                || targetModules.stream().anyMatch(t -> module.equals(t) || module.endsWith("." + t));
    }

    /** Reads and checks a file; anything set in it that would change the numbers and is not understood is refused. */
    static PeftConfig read(Path file) {
        return new Reading(file, JsonFile.read(file, LARGEST_FILE)).config();
    }

    /** The file PEFT 0.21 writes for this adapter. */
    String toJson() {
        Map<String, @Nullable Object> fields = new TreeMap<>();
        for (String unset : List.of(
                "alora_invocation_tokens",
                "arrow_config",
                "auto_mapping",
                "corda_config",
                "eva_config",
                "exclude_modules",
                "kasa_config",
                "layer_replication",
                "layers_pattern",
                "layers_to_transform",
                "lora_ga_config",
                "megatron_config",
                "modules_to_save",
                "monteclora_config",
                "revision",
                "target_parameters",
                "trainable_token_indices",
                "use_bdlora",
                "velora_config")) {
            fields.put(unset, null);
        }
        for (String off : List.of("ensure_weight_tying", "lora_bias", "use_dora", "use_qalora", "use_rslora")) {
            fields.put(off, false);
        }
        for (String empty : List.of("alpha_pattern", "loftq_config", "rank_pattern")) {
            fields.put(empty, Map.of());
        }
        fields.put("base_model_name_or_path", baseModel);
        fields.put("bias", "none");
        fields.put("fan_in_fan_out", fanInFanOut);
        fields.put("inference_mode", true);
        fields.put("init_lora_weights", true);
        fields.put("lora_alpha", asWritten(alpha));
        fields.put("lora_dropout", dropout);
        fields.put("megatron_core", "megatron.core");
        fields.put("peft_type", "LORA");
        fields.put("peft_version", "0.21.0");
        fields.put("qalora_group_size", 16);
        fields.put("r", rank);
        fields.put("target_modules", targetModules.equals(List.of(ALL_LINEAR)) ? (Object) ALL_LINEAR : targetModules);
        fields.put("task_type", "CAUSAL_LM");
        return prettyPrinted(fields);
    }

    /** Some readers take alpha for a whole number, so a whole one is written as such. */
    private static Number asWritten(double alpha) {
        if (alpha == Math.rint(alpha) && alpha < 1e15) {
            return (long) alpha;
        }
        return alpha;
    }

    private static String prettyPrinted(Map<String, @Nullable Object> fields) {
        DefaultIndenter lines = new DefaultIndenter("  ", "\n");
        Separators separators = Separators.createDefaultInstance()
                .withObjectNameValueSpacing(Separators.Spacing.AFTER)
                .withObjectEmptySeparator("")
                .withArrayEmptySeparator("");
        DefaultPrettyPrinter printer =
                new DefaultPrettyPrinter(separators).withArrayIndenter(lines).withObjectIndenter(lines);
        return JsonMapper.shared().writer().with(printer).writeValueAsString(fields);
    }

    /** One reading of one file. */
    private record Reading(Path file, JsonNode root) {
        PeftConfig config() {
            if (!root.isObject()) {
                throw Refusal.of(file, "is not a JSON object; take the adapter's own adapter_config.json");
            }
            refuseOther("peft_type", "LORA");
            refuseOther("task_type", "CAUSAL_LM");
            refuseOther("bias", "none");
            refuseOtherInit();
            root.forEachEntry((field, value) -> {
                if (!HARMLESS.contains(field) && isSet(value)) {
                    throw unsupported(field);
                }
            });
            double rank = number("r");
            double alpha = number("lora_alpha");
            double dropout = root.hasNonNull("lora_dropout") ? number("lora_dropout") : 0;
            require(rank == Math.rint(rank) && rank >= 1 && rank <= HIGHEST_RANK, "r", "a whole number from 1 to 4096");
            require(alpha > 0, "lora_alpha", "a positive number");
            require(dropout >= 0 && dropout < 1, "lora_dropout", "at least 0 and less than 1");
            return new PeftConfig((int) rank, alpha, dropout, targets(), baseModel(), fanInFanOut());
        }

        private void refuseOther(String field, String only) {
            JsonNode value = root.path(field);
            boolean mayBeLeftOut = !field.equals("peft_type");
            boolean fits = value.isString() && value.stringValue().equals(only)
                    || mayBeLeftOut && (value.isMissingNode() || value.isNull());
            if (!fits) {
                throw Refusal.of(
                        file,
                        "has %s %s, but this version supports only %s; give an adapter of that kind"
                                .formatted(field, shown(value), only));
            }
        }

        private void refuseOtherInit() {
            JsonNode value = root.path("init_lora_weights");
            boolean plain = value.isMissingNode()
                    || value.isNull()
                    || value.isBoolean()
                    || value.isString() && PLAIN_INITS.contains(value.stringValue());
            if (!plain) {
                throw Refusal.of(
                        file,
                        ("sets init_lora_weights to %s, which changes the base model's weights too and is not supported by"
                                        + " this version; convert the adapter to plain LoRA when saving it")
                                .formatted(shown(value)));
            }
        }

        private static boolean isSet(JsonNode value) {
            boolean off = value.isNull()
                    || value.isBoolean() && !value.booleanValue()
                    || value.isContainer() && value.isEmpty()
                    || value.isString() && value.stringValue().isEmpty();
            return !off;
        }

        private InputException unsupported(String field) {
            return Refusal.of(
                    file,
                    "sets %s to %s, which is not supported by this version; train or save the adapter as plain LoRA"
                            .formatted(Refusal.quoted(field), shown(root.get(field))));
        }

        private double number(String field) {
            JsonNode value = root.path(field);
            require(value.isNumber() && Double.isFinite(value.doubleValue()), field, "a number");
            return value.doubleValue();
        }

        private List<String> targets() {
            JsonNode value = root.path("target_modules");
            if (value.isString()) {
                if (value.stringValue().equals(ALL_LINEAR)) {
                    return List.of(ALL_LINEAR);
                }
                throw Refusal.of(
                        file,
                        "gives target_modules as the pattern %s, which is not supported by this version; list the module names"
                                .formatted(shown(value)));
            }
            require(value.isArray() && !value.isEmpty(), "target_modules", "a list of module names");
            List<String> names = new ArrayList<>();
            for (JsonNode name : value) {
                require(name.isString() && !name.stringValue().isBlank(), "target_modules", "a list of module names");
                names.add(name.stringValue());
            }
            return names;
        }

        private @Nullable String baseModel() {
            JsonNode value = root.path("base_model_name_or_path");
            require(
                    value.isMissingNode() || value.isNull() || value.isString(),
                    "base_model_name_or_path",
                    "a text or null");
            return value.isString() ? value.stringValue() : null;
        }

        private boolean fanInFanOut() {
            JsonNode value = root.path("fan_in_fan_out");
            require(value.isMissingNode() || value.isNull() || value.isBoolean(), "fan_in_fan_out", "true or false");
            return value.isBoolean() && value.booleanValue();
        }

        private void require(boolean holds, String field, String wanted) {
            if (!holds) {
                throw Refusal.of(
                        file,
                        "has %s %s where %s belongs; correct it or save the adapter again"
                                .formatted(field, shown(root.path(field)), wanted));
            }
        }

        private static String shown(@Nullable JsonNode value) {
            return value == null || value.isMissingNode() ? "left out" : Refusal.printable(value.toString());
        }
    }
}
