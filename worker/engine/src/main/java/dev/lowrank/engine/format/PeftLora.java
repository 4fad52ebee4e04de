package dev.lowrank.engine.format;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A LoRA adapter: {@code y = W x + scale * B A x}, on each module it targets.
 *
 * @param rank of modules that {@code rankPattern} does not name
 * @param alpha of modules that {@code alphaPattern} does not name
 * @param dropout on the inputs of A while training
 * @param bias which biases of the base are trained and stored
 * @param rslora whether the scale is {@code alpha / sqrt(rank)} instead of {@code alpha / rank}
 * @param dora whether the rows of the adapted weight get trained norms
 * @param fanInFanOut whether the base stores these weights as [in, out], as GPT-2 does; A and B lie the same either way
 * @param init how the factors began, which changes no number any more
 */
public record PeftLora(
        PeftModules modules,
        int rank,
        double alpha,
        double dropout,
        PeftPatterns<Integer> rankPattern,
        PeftPatterns<Double> alphaPattern,
        Bias bias,
        boolean rslora,
        boolean dora,
        boolean fanInFanOut,
        Init init,
        @Nullable String baseModel)
        implements PeftConfig {
    static final int HIGHEST_RANK = 4096;
    private static final int MOST_LAYERS = 100_000;

    /** Which biases of the base are trained beside the factors. */
    public enum Bias {
        NONE("none"),
        ALL("all"),
        /** Those of the adapted modules. */
        ADAPTED("lora_only");

        private final String key;

        Bias(String key) {
            this.key = key;
        }
    }

    /** Starting values that leave the base's weights alone, so that the factors are the whole adapter. */
    public enum Init {
        KAIMING("true"),
        RANDOM("false"),
        GAUSSIAN("gaussian"),
        ORTHOGONAL("orthogonal"),
        EVA("eva"),
        MICA("mica");

        private final String key;

        Init(String key) {
            this.key = key;
        }
    }

    public PeftLora {
        if (rank < 1 || rank > HIGHEST_RANK || !(alpha > 0) || !Double.isFinite(alpha)) {
            throw new IllegalArgumentException("rank %d and alpha %s make no adapter".formatted(rank, alpha));
        }
        if (!(dropout >= 0 && dropout < 1)) {
            throw new IllegalArgumentException("a dropout of %s leaves nothing".formatted(dropout));
        }
        if (rankPattern.values().values().stream().anyMatch(r -> r < 1 || r > HIGHEST_RANK)
                || alphaPattern.values().values().stream().anyMatch(a -> !(a > 0) || !Double.isFinite(a))) {
            throw new IllegalArgumentException(
                    "ranks %s and alphas %s make no adapter".formatted(rankPattern, alphaPattern));
        }
    }

    /** A LoRA adapter with nothing special to it. */
    public static PeftLora plain(
            PeftModules modules, int rank, double alpha, double dropout, @Nullable String baseModel) {
        return new PeftLora(
                modules,
                rank,
                alpha,
                dropout,
                PeftPatterns.none(),
                PeftPatterns.none(),
                Bias.NONE,
                false,
                false,
                false,
                Init.KAIMING,
                baseModel);
    }

    /** The rank of a module's factors. */
    public int rank(String module) {
        return rankPattern.orElse(module, rank);
    }

    public double alpha(String module) {
        return alphaPattern.orElse(module, alpha);
    }

    /** What {@code B A} is multiplied by at a module. */
    public double scale(String module) {
        int r = rank(module);
        return alpha(module) / (rslora ? Math.sqrt(r) : r);
    }

    /** Whether every module has the same rank and alpha, so that one scale says it all. */
    public boolean uniform() {
        return rankPattern.values().isEmpty() && alphaPattern.values().isEmpty();
    }

    @Override
    public String kind() {
        return dora ? "DoRA" : rslora ? "rank-stabilized LoRA" : "LoRA";
    }

    static PeftLora read(PeftFields fields) {
        fields.ignore("megatron_core", "qalora_group_size", "runtime_config");
        // These describe how the factors began; they say nothing where init_lora_weights does not ask for them.
        fields.ignore("corda_config", "eva_config", "loftq_config", "lora_ga_config");
        return new PeftLora(
                modules(fields),
                fields.whole("r", 1, HIGHEST_RANK),
                fields.positive("lora_alpha"),
                fields.fraction("lora_dropout"),
                fields.wholePatterns("rank_pattern", 1, HIGHEST_RANK),
                fields.positivePatterns("alpha_pattern"),
                fields.choice("bias", List.of(Bias.values()), bias -> bias.key, Bias.NONE),
                fields.flag("use_rslora"),
                fields.flag("use_dora"),
                fields.flag("fan_in_fan_out"),
                init(fields),
                fields.text("base_model_name_or_path"));
    }

    private static PeftModules modules(PeftFields fields) {
        PeftModules plain = PeftIa3.modules(fields);
        List<Integer> layers = fields.numbers("layers_to_transform", MOST_LAYERS);
        List<String> pattern = fields.nameOrNames("layers_pattern");
        boolean listed = plain.targets() instanceof PeftTargets.Listed;
        if (!layers.isEmpty() && !listed) {
            throw fields.refused(
                    "layers_to_transform", "which needs target_modules to be a list; put the layers into the pattern");
        }
        if (layers.isEmpty() && !pattern.isEmpty()) {
            throw fields.refused("layers_pattern", "which needs layers_to_transform; add that or take this out");
        }
        return new PeftModules(plain.targets(), plain.exclude(), layers, pattern, plain.save());
    }

    private static Init init(PeftFields fields) {
        String key = fields.word("init_lora_weights", "true");
        for (Init init : Init.values()) {
            if (init.key.equalsIgnoreCase(key)) {
                return init;
            }
        }
        throw fields.refused(
                "init_lora_weights",
                "which changes the base model's weights too and is not supported; convert the adapter to plain LoRA when"
                        + " saving it");
    }

    @Override
    public Map<String, @Nullable Object> fields() {
        Map<String, @Nullable Object> fields = new TreeMap<>(PeftIa3.fields(modules));
        for (String unset : List.of(
                "alora_invocation_tokens",
                "arrow_config",
                "corda_config",
                "eva_config",
                "kasa_config",
                "layer_replication",
                "lora_ga_config",
                "megatron_config",
                "monteclora_config",
                "target_parameters",
                "trainable_token_indices",
                "use_bdlora",
                "velora_config")) {
            fields.put(unset, null);
        }
        for (String off : List.of("ensure_weight_tying", "lora_bias", "use_qalora")) {
            fields.put(off, false);
        }
        fields.put("alpha_pattern", written(alphaPattern));
        fields.put("bias", bias.key);
        fields.put("fan_in_fan_out", fanInFanOut);
        fields.put("init_lora_weights", writtenInit());
        fields.put("layers_pattern", modules.layersPattern().isEmpty() ? null : modules.layersPattern());
        fields.put("layers_to_transform", modules.layers().isEmpty() ? null : modules.layers());
        fields.put("loftq_config", Map.of());
        fields.put("lora_alpha", asWritten(alpha));
        fields.put("lora_dropout", dropout);
        fields.put("megatron_core", "megatron.core");
        fields.put("peft_type", "LORA");
        fields.put("qalora_group_size", 16);
        fields.put("r", rank);
        fields.put("rank_pattern", rankPattern.values());
        fields.put("use_dora", dora);
        fields.put("use_rslora", rslora);
        return fields;
    }

    private Object writtenInit() {
        return init == Init.KAIMING || init == Init.RANDOM ? (Object) (init == Init.KAIMING) : init.key;
    }

    private static Map<String, Number> written(PeftPatterns<Double> patterns) {
        Map<String, Number> numbers = new LinkedHashMap<>();
        patterns.values().forEach((key, value) -> numbers.put(key, asWritten(value)));
        return numbers;
    }

    /** Some readers take alpha for a whole number, so a whole one is written as such. */
    private static Number asWritten(double alpha) {
        if (alpha == Math.rint(alpha) && alpha < 1e15) {
            return (long) alpha;
        }
        return alpha;
    }
}
