package dev.lowrank.engine.format;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Whether an adapter's tensors are just what its configuration asks for. Complaints continue a sentence after the file's
 * name and end with the remedy.
 */
final class PeftCheck {
    /** A tensor that does not belong there, or one that lacks. */
    static final class Complaint extends RuntimeException {
        private static final long serialVersionUID = 1;

        Complaint(String message) {
            super(message);
        }
    }

    private final PeftConfig config;
    private final Map<String, Boolean> targeted = new HashMap<>();

    PeftCheck(PeftConfig config) {
        this.config = config;
    }

    /**
     * What a tensor's name means to this adapter.
     *
     * @throws Complaint if it has no place in it
     */
    PeftKey key(String name) {
        PeftKey key = name.chars().allMatch(c -> c < 128) ? parse(name) : null;
        if (key == null) {
            throw new Complaint("holds %s, %s".formatted(Refusal.quoted(name), whyUnexpected(name)));
        }
        return key;
    }

    private @Nullable PeftKey parse(String name) {
        return switch (config) {
            case PeftLora lora -> parseLora(name, lora);
            case PeftIa3 ia3 -> firstOf(name, PeftKey.Role.IA3, saved(name, ia3.modules()));
            case PeftPromptTuning _, PeftPrefixTuning _ -> name.equals(PeftKey.PROMPT.name()) ? PeftKey.PROMPT : null;
            case PeftBottleneck _ ->
                parseAny(
                        name,
                        List.of(
                                PeftKey.Role.DOWN_WEIGHT,
                                PeftKey.Role.DOWN_BIAS,
                                PeftKey.Role.UP_WEIGHT,
                                PeftKey.Role.UP_BIAS));
        };
    }

    private static @Nullable PeftKey parseLora(String name, PeftLora lora) {
        PeftKey factor = parseAny(name, List.of(PeftKey.Role.LORA_A, PeftKey.Role.LORA_B, PeftKey.Role.MAGNITUDE));
        if (factor != null) {
            return factor;
        }
        PeftKey saved = saved(name, lora.modules());
        if (saved != null || lora.bias() == PeftLora.Bias.NONE || name.contains(".original_module.")) {
            return saved;
        }
        return parseAny(name, List.of(PeftKey.Role.ADAPTED_BIAS, PeftKey.Role.BIAS));
    }

    private static @Nullable PeftKey saved(String name, PeftModules modules) {
        PeftKey key = PeftKey.parse(PeftKey.Role.SAVED, name);
        return key != null && modules.saves(key.path()) ? key : null;
    }

    private static @Nullable PeftKey firstOf(String name, PeftKey.Role role, @Nullable PeftKey otherwise) {
        PeftKey key = PeftKey.parse(role, name);
        return key != null ? key : otherwise;
    }

    private static @Nullable PeftKey parseAny(String name, List<PeftKey.Role> roles) {
        for (PeftKey.Role role : roles) {
            PeftKey key = PeftKey.parse(role, name);
            if (key != null) {
                return key;
            }
        }
        return null;
    }

    private String whyUnexpected(String name) {
        if (name.contains("lora_embedding_")) {
            return "which adapts an embedding; only linear layers can be adapted, so train the adapter on those alone";
        }
        if (name.endsWith(".base_layer.weight")
                || name.endsWith("embed_tokens.weight")
                || name.endsWith("lm_head.weight")) {
            return "which is a copy of the base's own embedding; save the adapter with save_embedding_layers=False, or name"
                    + " the module in modules_to_save if it was trained";
        }
        if (name.endsWith(".bias")) {
            return "but adapter_config.json says that no such bias was trained; take both files from the same adapter";
        }
        return "which is not part of a %s adapter; save the adapter without it".formatted(config.kind());
    }

    /**
     * Checks all tensors together.
     *
     * @throws Complaint about the first that is wrong, then about the first that lacks
     */
    void check(SortedMap<PeftKey, long[]> tensors) {
        tensors.forEach((key, shape) -> {
            for (long extent : shape) {
                if (extent == 0) {
                    throw complaint(key, shape, "which is empty; copy or save the adapter again");
                }
            }
        });
        switch (config) {
            case PeftLora lora -> checkLora(lora, tensors);
            case PeftIa3 ia3 -> checkIa3(ia3, tensors);
            case PeftPromptTuning prompt -> checkTable(tensors, prompt.tokens(), prompt.width());
            case PeftPrefixTuning prefix -> checkTable(tensors, prefix.tokens(), prefix.columns());
            case PeftBottleneck bottleneck -> checkBottleneck(bottleneck, tensors);
        }
    }

    private void checkLora(PeftLora lora, SortedMap<PeftKey, long[]> tensors) {
        Set<String> modules = new TreeSet<>();
        tensors.forEach((key, shape) -> {
            checkLoraTensor(lora, key, shape);
            switch (key.role()) {
                case LORA_A, LORA_B, MAGNITUDE -> modules.add(key.path());
                default -> {}
            }
        });
        if (modules.isEmpty()) {
            throw new Complaint("holds no adapted module; copy or train the adapter again");
        }
        for (String module : modules) {
            require(tensors, PeftKey.loraA(module));
            long[] b = require(tensors, PeftKey.loraB(module));
            if (lora.dora()) {
                requireShape(PeftKey.magnitude(module), require(tensors, PeftKey.magnitude(module)), b[0]);
            }
            PeftKey bias = new PeftKey(PeftKey.Role.ADAPTED_BIAS, module);
            if (tensors.containsKey(bias)) {
                requireShape(bias, require(tensors, bias), b[0]);
            }
        }
        requireAllSaved(lora.modules(), tensors);
    }

    private void checkLoraTensor(PeftLora lora, PeftKey key, long[] shape) {
        switch (key.role()) {
            case LORA_A -> checkFactor(lora, key, shape, 0);
            case LORA_B -> checkFactor(lora, key, shape, 1);
            case MAGNITUDE -> {
                if (!lora.dora()) {
                    throw complaint(
                            key,
                            shape,
                            "but use_dora is not set in adapter_config.json; take both files from"
                                    + " the same adapter");
                }
                requireTargeted(lora.modules(), key, shape);
            }
            case ADAPTED_BIAS, BIAS -> checkBias(lora, key, shape);
            default -> {}
        }
    }

    private void checkFactor(PeftLora lora, PeftKey key, long[] shape, int rankAxis) {
        if (shape.length != 2) {
            throw complaint(
                    key, shape, "which is not a matrix; only linear layers are supported, so adapt those alone");
        }
        requireTargeted(lora.modules(), key, shape);
        int rank = lora.rank(key.path());
        if (shape[rankAxis] != rank) {
            throw complaint(
                    key,
                    shape,
                    "whose rank is not the %d of adapter_config.json; take both files from the same adapter"
                            .formatted(rank));
        }
    }

    private void checkBias(PeftLora lora, PeftKey key, long[] shape) {
        boolean adapted = targets(lora.modules(), key.path());
        boolean fits = key.role() == PeftKey.Role.ADAPTED_BIAS ? adapted : !adapted && lora.bias() == PeftLora.Bias.ALL;
        if (!fits) {
            throw complaint(
                    key,
                    shape,
                    "but adapter_config.json says that no such bias was trained; take both files from the same adapter");
        }
        if (shape.length != 1) {
            throw complaint(key, shape, "which is not a row of numbers; copy or save the adapter again");
        }
    }

    private void checkIa3(PeftIa3 ia3, SortedMap<PeftKey, long[]> tensors) {
        boolean any = false;
        for (Map.Entry<PeftKey, long[]> entry : tensors.entrySet()) {
            PeftKey key = entry.getKey();
            long[] shape = entry.getValue();
            if (key.role() != PeftKey.Role.IA3) {
                continue;
            }
            any = true;
            requireTargeted(ia3.modules(), key, shape);
            boolean inputs = ia3.onInputs(key.path());
            if (shape.length != 2 || shape[inputs ? 0 : 1] != 1) {
                throw complaint(
                        key,
                        shape,
                        "but by feedforward_modules of adapter_config.json it belongs as %s; take both files from the same adapter"
                                .formatted(inputs ? "[1, in]" : "[out, 1]"));
            }
        }
        if (!any) {
            throw new Complaint("holds no adapted module; copy or train the adapter again");
        }
        requireAllSaved(ia3.modules(), tensors);
    }

    private void checkTable(SortedMap<PeftKey, long[]> tensors, long rows, long columns) {
        requireShape(PeftKey.PROMPT, require(tensors, PeftKey.PROMPT), rows, columns);
    }

    private void checkBottleneck(PeftBottleneck config, SortedMap<PeftKey, long[]> tensors) {
        Map<PeftKey, long[]> wanted = new TreeMap<>();
        for (String place : config.places()) {
            wanted.put(new PeftKey(PeftKey.Role.DOWN_WEIGHT, place), new long[] {config.size(), config.width()});
            wanted.put(new PeftKey(PeftKey.Role.DOWN_BIAS, place), new long[] {config.size()});
            wanted.put(new PeftKey(PeftKey.Role.UP_WEIGHT, place), new long[] {config.width(), config.size()});
            wanted.put(new PeftKey(PeftKey.Role.UP_BIAS, place), new long[] {config.width()});
        }
        tensors.forEach((key, shape) -> {
            if (!wanted.containsKey(key)) {
                throw complaint(
                        key,
                        shape,
                        "which no layer or placement of adapter_config.json asks for; take both files"
                                + " from the same adapter");
            }
        });
        wanted.forEach((key, shape) -> requireShape(key, require(tensors, key), shape));
    }

    private static void requireAllSaved(PeftModules modules, SortedMap<PeftKey, long[]> tensors) {
        Set<String> missing = new TreeSet<>(modules.save());
        for (PeftKey key : tensors.keySet()) {
            String by = key.role() == PeftKey.Role.SAVED ? modules.savedBy(key.path()) : null;
            if (by != null) {
                missing.remove(by);
            }
        }
        if (!missing.isEmpty()) {
            throw new Complaint(
                    "holds no tensor of module %s, which modules_to_save of adapter_config.json names; copy or save the adapter again"
                            .formatted(Refusal.quoted(missing.iterator().next())));
        }
    }

    private static long[] require(SortedMap<PeftKey, long[]> tensors, PeftKey key) {
        long[] shape = tensors.get(key);
        if (shape == null) {
            throw new Complaint("lacks %s; copy or save the adapter again".formatted(Refusal.quoted(key.name())));
        }
        return shape;
    }

    private static void requireShape(PeftKey key, long[] shape, long... wanted) {
        if (!Arrays.equals(shape, wanted)) {
            throw complaint(
                    key,
                    shape,
                    "where %s belongs; take both files from the same adapter".formatted(Arrays.toString(wanted)));
        }
    }

    private void requireTargeted(PeftModules modules, PeftKey key, long[] shape) {
        if (!targets(modules, key.path())) {
            throw complaint(
                    key,
                    shape,
                    "but target_modules of adapter_config.json do not name that module; take both files from the same"
                            + " adapter");
        }
    }

    private boolean targets(PeftModules modules, String module) {
        return targeted.computeIfAbsent(module, modules::targets);
    }

    private static Complaint complaint(PeftKey key, long[] shape, String problem) {
        return new Complaint(
                "holds %s as %s, %s".formatted(Refusal.quoted(key.name()), Arrays.toString(shape), problem));
    }
}
