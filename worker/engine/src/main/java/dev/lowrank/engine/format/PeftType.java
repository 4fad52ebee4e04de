package dev.lowrank.engine.format;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.util.DefaultIndenter;
import tools.jackson.core.util.DefaultPrettyPrinter;
import tools.jackson.core.util.Separators;
import tools.jackson.databind.json.JsonMapper;

/**
 * A kind of adapter by the name it has in the file.
 *
 * @param read makes its record of the fields
 */
record PeftType(String name, Function<PeftFields, PeftConfig> read) {
    static final List<PeftType> READABLE = List.of(
            new PeftType("LORA", PeftLora::read),
            new PeftType("IA3", PeftIa3::read),
            new PeftType("PROMPT_TUNING", PeftPromptTuning::read),
            new PeftType("PREFIX_TUNING", PeftPrefixTuning::read),
            new PeftType(PeftBottleneck.TYPE, PeftBottleneck::read));

    /** What known fields that are not supported stand for; they continue "which means …". */
    static final Map<String, String> REASONS = Map.ofEntries(
            Map.entry("alora_invocation_tokens", "an adapter that starts at certain tokens"),
            Map.entry("arrow_config", "routing between adapters"),
            Map.entry("ensure_weight_tying", "tying of adapted or saved embeddings"),
            Map.entry("kasa_config", "an adapter with its own singular values"),
            Map.entry("layer_replication", "a base with repeated layers"),
            Map.entry("lora_bias", "a bias on lora_B"),
            Map.entry("megatron_config", "a base split by Megatron"),
            Map.entry("modules_to_save", "modules stored whole beside virtual tokens"),
            Map.entry("monteclora_config", "an adapter with random samples"),
            Map.entry("target_parameters", "adapting a parameter that is not a linear layer"),
            Map.entry("trainable_token_indices", "training of single rows of the embedding"),
            Map.entry("use_bdlora", "an adapter with block-diagonal factors"),
            Map.entry("use_qalora", "an adapter on pooled inputs"),
            Map.entry("velora_config", "training on compressed inputs"));

    static String prettyPrinted(Map<String, @Nullable Object> fields) {
        DefaultIndenter lines = new DefaultIndenter("  ", "\n");
        Separators separators = Separators.createDefaultInstance()
                .withObjectNameValueSpacing(Separators.Spacing.AFTER)
                .withObjectEmptySeparator("")
                .withArrayEmptySeparator("");
        DefaultPrettyPrinter printer =
                new DefaultPrettyPrinter(separators).withArrayIndenter(lines).withObjectIndenter(lines);
        return JsonMapper.shared().writer().with(printer).writeValueAsString(fields);
    }
}
