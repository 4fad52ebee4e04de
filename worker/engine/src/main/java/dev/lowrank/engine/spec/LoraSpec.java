package dev.lowrank.engine.spec;

import dev.lowrank.engine.Quoted;
import dev.lowrank.engine.format.PeftPatterns;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A low-rank adapter: {@code y = W x + scale * B A dropout(x)}, with scale {@code alpha / rank}, or
 * {@code alpha / sqrt(rank)} if rank-stabilized.
 *
 * @param rankPattern ranks of modules that do not have {@code rank}; a key is a regular expression that matches a
 *     module's path or its ending after a dot, and the first that matches counts, as in PEFT
 * @param alphaPattern the same for alpha
 * @param layers numbers of the layers to adapt, from 0; null for all
 * @param modulesToSave modules that are trained whole and stored beside the adapter
 */
public record LoraSpec(
        int rank,
        double alpha,
        double dropout,
        Targets targets,
        AdapterInit init,
        boolean rslora,
        boolean dora,
        Map<String, Integer> rankPattern,
        Map<String, Double> alphaPattern,
        @Nullable List<Integer> layers,
        List<String> modulesToSave,
        BiasMode bias)
        implements AdapterSpec {
    private static final int HIGHEST_RANK = 4096;
    private static final int MOST_LAYERS = 10_000;
    private static final int LONGEST_PATTERN = 200;

    public LoraSpec {
        rankPattern = Collections.unmodifiableMap(new LinkedHashMap<>(rankPattern));
        alphaPattern = Collections.unmodifiableMap(new LinkedHashMap<>(alphaPattern));
        layers = layers == null ? null : layers.stream().sorted().toList();
        modulesToSave = List.copyOf(modulesToSave);
        requireRank("adapter.rank", rank);
        requireAlpha("adapter.alpha", alpha);
        rankPattern.forEach((key, value) -> requireRank(place("adapter.rank_pattern", key), value));
        alphaPattern.forEach((key, value) -> requireAlpha(place("adapter.alpha_pattern", key), value));
        SpecException.unless(
                dropout >= 0 && dropout < 1,
                "adapter.dropout",
                "is %s, but must be at least 0 and less than 1.",
                dropout);
        requireLayers(layers);
        requireModules(modulesToSave, targets);
        if (init.movesBase()) {
            refuseWithMovedBase(init, "adapter.rslora", rslora);
            refuseWithMovedBase(init, "adapter.dora", dora);
            refuseWithMovedBase(init, "adapter.rank_pattern", !rankPattern.isEmpty());
            refuseWithMovedBase(init, "adapter.alpha_pattern", !alphaPattern.isEmpty());
        }
    }

    /** A LoRA adapter with nothing special to it. */
    public static LoraSpec plain(int rank, double alpha, double dropout, Targets targets, AdapterInit init) {
        return new LoraSpec(
                rank, alpha, dropout, targets, init, false, false, Map.of(), Map.of(), null, List.of(), BiasMode.NONE);
    }

    @Override
    public boolean fits(Method method) {
        return method.lowRank();
    }

    /** Rank of a module. */
    public int rank(String path) {
        return found(rankPattern, "adapter.rank_pattern", path, rank);
    }

    /** Alpha of a module. */
    public double alpha(String path) {
        return found(alphaPattern, "adapter.alpha_pattern", path, alpha);
    }

    /** What {@code B A} is multiplied by at a module. */
    public double scale(String path) {
        int r = rank(path);
        return alpha(path) / (rslora ? Math.sqrt(r) : r);
    }

    /** Whether the layer with a number is adapted. */
    public boolean adapts(int layer) {
        return layers == null || layers.contains(layer);
    }

    private static <T> T found(Map<String, T> patterns, String field, String path, T otherwise) {
        try {
            return PeftPatterns.of(patterns).orElse(path, otherwise);
        } catch (IllegalArgumentException e) {
            throw new SpecException(
                    field, "has a key that takes too long to match; give endings such as \"down_proj\".");
        }
    }

    private static String place(String field, String key) {
        boolean sound = !key.isBlank() && key.length() <= LONGEST_PATTERN;
        if (sound) {
            try {
                // Not Java's own: its patterns can take for ever, and what they mean is not what PEFT means.
                PeftPatterns.of(Map.of(key, key));
            } catch (IllegalArgumentException e) {
                sound = false;
            }
        }
        SpecException.unless(
                sound,
                field,
                "has the key %s, which is no pattern for module names; give an ending such as \"down_proj\".",
                Quoted.of(key));
        return field + "." + key;
    }

    private static void requireRank(String field, int rank) {
        SpecException.unless(
                rank >= 1 && rank <= HIGHEST_RANK, field, "is %s, but must be between 1 and %s.", rank, HIGHEST_RANK);
    }

    private static void requireAlpha(String field, double alpha) {
        SpecException.unless(alpha > 0 && alpha < 1e6, field, "is %s, but must be positive.", alpha);
    }

    private static void requireLayers(@Nullable List<Integer> layers) {
        if (layers == null) {
            return;
        }
        String field = "adapter.layers";
        SpecException.unless(
                !layers.isEmpty(),
                field,
                "is empty, so nothing would be trained; number layers from 0, or leave it out for all.");
        SpecException.unless(
                layers.getFirst() >= 0 && layers.getLast() < MOST_LAYERS,
                field,
                "is %s, but layers are numbered from 0.",
                layers);
        SpecException.unless(
                layers.stream().distinct().count() == layers.size(),
                field,
                "is %s, but must name each layer once.",
                layers);
    }

    private static void requireModules(List<String> modules, Targets targets) {
        String field = "adapter.modules_to_save";
        Targets.requireNames(field, modules);
        for (String module : modules) {
            SpecException.unless(
                    targets.allLinear() || !targets.match(module),
                    field,
                    "names \"%s\", which adapter.target_modules adapts; a module is trained whole or adapted, not both.",
                    module);
        }
    }

    private static void refuseWithMovedBase(AdapterInit init, String field, boolean set) {
        SpecException.unless(
                !set,
                field,
                "cannot be combined with init \"%s\": that one changes the base, and its conversion to plain LoRA on export needs one rank and one scale.",
                init.key());
    }
}
