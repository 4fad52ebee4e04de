package dev.lowrank.engine.format;

import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Which modules of the base an adapter touches, by PEFT's rules.
 *
 * @param targets the modules that get an adapter
 * @param exclude those of them that do not; null for none
 * @param layers numbers of the layers to adapt, sorted; empty for all
 * @param layersPattern names of the list that holds the layers, such as {@code layers} or {@code h}; empty for the first
 *     number in a path
 * @param save modules that are trained and stored whole, by the ending of their path, sorted; never adapted as well
 */
public record PeftModules(
        PeftTargets targets,
        @Nullable PeftTargets exclude,
        List<Integer> layers,
        List<String> layersPattern,
        List<String> save) {
    public PeftModules {
        layers = List.copyOf(new TreeSet<>(layers));
        layersPattern = List.copyOf(layersPattern);
        save = List.copyOf(new TreeSet<>(save));
        if (exclude instanceof PeftTargets.AllLinear) {
            throw new IllegalArgumentException("exclude_modules cannot be " + PeftTargets.ALL_LINEAR);
        }
        if (!(targets instanceof PeftTargets.Listed) && !layers.isEmpty()) {
            throw new IllegalArgumentException("layers can be chosen only where modules are listed by name");
        }
        if (layers.isEmpty() && !layersPattern.isEmpty()) {
            throw new IllegalArgumentException("layers_pattern is of no use without layers_to_transform");
        }
    }

    /** The listed modules in all layers. */
    public static PeftModules listed(List<String> names) {
        return of(new PeftTargets.Listed(names));
    }

    /** These modules in all layers. */
    public static PeftModules of(PeftTargets targets) {
        return new PeftModules(targets, null, List.of(), List.of(), List.of());
    }

    /** The same, trained and stored beside modules that are saved whole. */
    public PeftModules saving(List<String> modules) {
        return new PeftModules(targets, exclude, layers, layersPattern, modules);
    }

    /** The same, in some layers only. */
    public PeftModules inLayers(List<Integer> numbers) {
        return new PeftModules(targets, exclude, numbers, layersPattern, save);
    }

    /**
     * Whether a module gets an adapter.
     *
     * @throws IllegalArgumentException if a pattern takes too long to match
     */
    public boolean targets(String module) {
        if (exclude != null && exclude.match(module) || insideSaved(module)) {
            return false;
        }
        if (targets instanceof PeftTargets.Listed listed && listed.exactly(module)) {
            return true;
        }
        return targets.match(module) && (layers.isEmpty() || layers.contains(layer(module)));
    }

    /** Whether some run of whole names in the path is a saved module. */
    private boolean insideSaved(String module) {
        String padded = "." + module + ".";
        return save.stream().anyMatch(name -> padded.contains("." + name + "."));
    }

    /** The number of the layer a module is in; -1 for none. */
    private int layer(String module) {
        if (layersPattern.isEmpty()) {
            return layerAfter(null, module);
        }
        return layersPattern.stream()
                .mapToInt(name -> layerAfter(name, module))
                .filter(number -> number >= 0)
                .findFirst()
                .orElse(-1);
    }

    /** The first number that follows the list's name; any name but the path's first will do for null. */
    private static int layerAfter(@Nullable String list, String module) {
        String[] names = module.split("\\.", -1);
        for (int i = list == null ? 1 : 0; i + 2 < names.length; i++) {
            if ((list == null || names[i].equals(list)) && names[i + 1].matches("[0-9]{1,9}")) {
                return Integer.parseInt(names[i + 1]);
            }
        }
        return -1;
    }

    /**
     * Whether a tensor of the base belongs to a module that is saved whole.
     *
     * @param tensor its name in the base, such as {@code lm_head.weight}
     */
    public boolean saves(String tensor) {
        return savedBy(tensor) != null;
    }

    /** The entry of {@code modules_to_save} that a tensor of the base is stored for; null for none. */
    @Nullable
    String savedBy(String tensor) {
        for (int dot = tensor.indexOf('.'); dot >= 0; dot = tensor.indexOf('.', dot + 1)) {
            String module = tensor.substring(0, dot);
            for (String name : save) {
                // PEFT takes any ending, also in the middle of a name.
                if (module.endsWith(name)) {
                    return name;
                }
            }
        }
        return null;
    }
}
