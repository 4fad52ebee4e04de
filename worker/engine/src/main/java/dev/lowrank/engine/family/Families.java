package dev.lowrank.engine.family;

import dev.lowrank.engine.InputException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/** The published families, by {@code model_type}. */
final class Families {
    private static final Map<String, Function<ConfigReader, Architecture>> KNOWN = new TreeMap<>(Map.ofEntries(
            Map.entry("llama", LlamaFamily::llama),
            Map.entry("mistral", LlamaFamily::mistral),
            Map.entry("qwen2", QwenFamily::qwen2),
            Map.entry("qwen3", QwenFamily::qwen3),
            Map.entry("gemma2", GemmaFamily::gemma2),
            Map.entry("gemma3_text", GemmaFamily::gemma3),
            Map.entry("phi3", Phi3Family::phi3),
            Map.entry("olmo2", Olmo2Family::olmo2),
            Map.entry("smollm3", SmolLm3Family::smolLm3),
            Map.entry("gpt2", Gpt2Family::gpt2)));

    private Families() {}

    static Architecture read(ConfigReader in) {
        if (!in.has("model_type")) {
            throw new InputException(
                    "%s has no \"model_type\"; a Hugging Face model folder names its architecture there."
                            .formatted(in.file()));
        }
        String type = in.text("model_type");
        for (String key : List.of("vision_config", "audio_config", "text_config")) {
            if (in.has(key)) {
                throw in.wrong("model_type", "models with more than text (\"%s\") are not supported".formatted(key));
            }
        }
        for (String key : List.of("num_local_experts", "num_experts", "n_routed_experts", "moe_intermediate_size")) {
            if (in.has(key)) {
                throw in.wrong("model_type", "mixture-of-experts models (\"%s\") are not supported".formatted(key));
            }
        }
        Function<ConfigReader, Architecture> family = KNOWN.get(type);
        if (family == null) {
            throw in.wrong("model_type", "the families supported are " + String.join(", ", KNOWN.keySet()));
        }
        Architecture architecture = family.apply(in);
        in.refuseUnknown();
        return architecture;
    }
}
