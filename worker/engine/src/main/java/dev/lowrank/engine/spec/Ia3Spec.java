package dev.lowrank.engine.spec;

import dev.lowrank.engine.Quoted;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * IA3: a vector of factors on the output of each target, or on the input of those that are feed-forward modules.
 *
 * @param targets null for what PEFT chooses for the base's family, see {@link #forFamily}
 * @param feedforwardModules the targets whose input is scaled; null for what PEFT chooses
 */
public record Ia3Spec(@Nullable Targets targets, @Nullable List<String> feedforwardModules) implements AdapterSpec {
    private record Family(List<String> targets, List<String> feedforward) {}

    private static final Family KEYS = new Family(List.of("k_proj", "v_proj", "down_proj"), List.of("down_proj"));
    private static final Family QUERIES = new Family(List.of("q_proj", "v_proj", "down_proj"), List.of("down_proj"));
    private static final Family GPT2 = new Family(List.of("c_attn", "mlp.c_proj"), List.of("mlp.c_proj"));

    /** By {@code model_type}, as PEFT 0.21 has them; a family it leaves out has no default here either. */
    private static final Map<String, Family> FAMILIES = Map.of(
            "llama", KEYS,
            "mistral", KEYS,
            "qwen2", QUERIES,
            "qwen3", QUERIES,
            "gemma", QUERIES,
            "gemma2", QUERIES,
            "gemma3_text", QUERIES,
            "gpt2", GPT2);

    public Ia3Spec {
        if (feedforwardModules != null) {
            feedforwardModules = List.copyOf(feedforwardModules);
            Targets.requireNames("adapter.feedforward_modules", feedforwardModules);
            if (targets != null && !targets.allLinear()) {
                for (String module : feedforwardModules) {
                    SpecException.unless(
                            targets.names().contains(module),
                            "adapter.feedforward_modules",
                            "names %s, which is not among adapter.target_modules; add it there.",
                            Quoted.of(module));
                }
            }
        }
    }

    @Override
    public boolean fits(Method method) {
        return method == Method.IA3;
    }

    /**
     * The same with nothing left to the family.
     *
     * @param modelType the base's {@code model_type}
     * @throws SpecException if something is left out and PEFT has no default for the family
     */
    public Ia3Spec forFamily(String modelType) {
        if (targets != null && feedforwardModules != null) {
            return this;
        }
        Family family = FAMILIES.get(modelType);
        if (family == null) {
            throw new SpecException(
                    targets == null ? "adapter.target_modules" : "adapter.feedforward_modules",
                    "is left out, and PEFT has no default for the family \"%s\"; name the modules."
                            .formatted(modelType));
        }
        Targets all = targets == null ? new Targets(family.targets()) : targets;
        List<String> feedforward = feedforwardModules == null
                ? family.feedforward().stream()
                        .filter(name -> all.allLinear() || all.names().contains(name))
                        .toList()
                : feedforwardModules;
        return new Ia3Spec(all, feedforward);
    }
}
