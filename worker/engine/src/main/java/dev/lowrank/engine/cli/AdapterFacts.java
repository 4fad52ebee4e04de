package dev.lowrank.engine.cli;

import dev.lowrank.engine.format.PeftBottleneck;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftIa3;
import dev.lowrank.engine.format.PeftKey;
import dev.lowrank.engine.format.PeftLora;
import dev.lowrank.engine.format.PeftModules;
import dev.lowrank.engine.format.PeftPrefixTuning;
import dev.lowrank.engine.format.PeftPromptTuning;
import dev.lowrank.engine.format.PeftTargets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/** What {@code inspect} says of an adapter, by its kind. */
final class AdapterFacts {
    private AdapterFacts() {}

    static Map<String, Object> of(PeftFolder adapter) {
        Map<String, Object> facts = new LinkedHashMap<>();
        switch (adapter.config()) {
            case PeftLora lora -> {
                facts.put("rank", lora.rank());
                facts.put("alpha", lora.alpha());
                if (!lora.uniform()) {
                    facts.put("rank_pattern", lora.rankPattern().values());
                    facts.put("alpha_pattern", lora.alphaPattern().values());
                }
                putModules(facts, adapter, lora.modules());
                int biases = adapter.paths(PeftKey.Role.ADAPTED_BIAS).size()
                        + adapter.paths(PeftKey.Role.BIAS).size();
                if (biases > 0) {
                    facts.put("trained_biases", biases);
                }
            }
            case PeftIa3 ia3 -> putModules(facts, adapter, ia3.modules());
            case PeftPromptTuning prompt -> facts.put("virtual_tokens", prompt.tokens());
            case PeftPrefixTuning prefix -> facts.put("virtual_tokens", prefix.tokens());
            case PeftBottleneck bottleneck -> {
                facts.put("bottleneck_size", bottleneck.size());
                facts.put("placement", bottleneck.placement().name().toLowerCase(Locale.ROOT));
            }
        }
        return facts;
    }

    private static void putModules(Map<String, Object> facts, PeftFolder adapter, PeftModules modules) {
        facts.put("modules", adapter.modules().size());
        facts.put(
                "target_modules",
                switch (modules.targets()) {
                    case PeftTargets.Listed listed -> listed.names();
                    case PeftTargets.Expression expression ->
                        expression.pattern().source();
                    case PeftTargets.AllLinear _ -> PeftTargets.ALL_LINEAR;
                });
        if (!modules.layers().isEmpty()) {
            facts.put("layers", modules.layers());
        }
        if (!modules.save().isEmpty()) {
            facts.put("saved_modules", modules.save());
        }
    }
}
