package dev.lowrank.engine.spec;

import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Reads the {@code adapter} section as the method understands it. */
final class AdapterReader {
    private static final Map<Set<Method>, List<String>> KEYS = Map.of(
            Method.LOW_RANK,
            List.of(
                    "rank",
                    "alpha",
                    "dropout",
                    "target_modules",
                    "init",
                    "rslora",
                    "dora",
                    "rank_pattern",
                    "alpha_pattern",
                    "layers",
                    "modules_to_save",
                    "bias"),
            EnumSet.of(Method.BOTTLENECK),
            List.of("size", "activation", "placement"),
            EnumSet.of(Method.PREFIX_TUNING),
            List.of("virtual_tokens"),
            EnumSet.of(Method.PROMPT_TUNING),
            List.of("virtual_tokens", "init", "init_text"),
            EnumSet.of(Method.IA3),
            List.of("target_modules", "feedforward_modules"));

    /** The methods that know a key. */
    private static final Map<String, Set<Method>> OWNERS = owners();

    private static final List<String> BEGINNINGS = List.of("init", "init_text");

    private AdapterReader() {}

    /**
     * The adapter, or null where the method has none.
     *
     * @param initial the PEFT folder to start from, if there is one
     */
    static @Nullable AdapterSpec read(Section in, Method method, @Nullable String initial) {
        if (method == Method.FULL) {
            refuseAnything(in, initial);
            return null;
        }
        if (initial == null) {
            return fresh(in, method);
        }
        for (String field : BEGINNINGS) {
            SpecException.unless(
                    !in.has(field),
                    "adapter." + field,
                    "cannot be combined with an initial_adapter, whose values are there already; leave it out.");
        }
        // Read for what is wrong by itself; whether it agrees with the folder is seen when that is opened.
        fresh(in.silently(), method);
        return new InitialAdapter(initial, in.given());
    }

    private static void refuseAnything(Section in, @Nullable String initial) {
        SpecException.unless(
                initial == null,
                "initial_adapter",
                "cannot be combined with method \"full\": full fine-tuning has no adapter.");
        in.refuseUnknown(foreign(Method.FULL));
    }

    private static AdapterSpec fresh(Section in, Method method) {
        OWNERS.forEach((key, owners) -> {
            if (owners.contains(method)) {
                in.allow(key);
            }
        });
        in.refuseUnknown(foreign(method));
        return switch (method) {
            case LORA, QLORA, DPO -> lora(in);
            case BOTTLENECK -> bottleneck(in);
            case PREFIX_TUNING -> new PrefixSpec(virtualTokens(in));
            case PROMPT_TUNING -> prompt(in);
            case IA3 -> ia3(in);
            case FULL -> throw new IllegalArgumentException("full has no adapter");
        };
    }

    private static LoraSpec lora(Section in) {
        int rank = in.integer("rank", 16, "enough for most tasks, and vLLM's default limit");
        double alpha = in.number("alpha", 2.0 * rank, "twice the rank");
        double dropout = in.number("dropout", 0, "no dropout");
        Targets targets =
                in.targets("target_modules", Targets.ALL_LINEAR, "adapting every layer learns best per parameter");
        AdapterInit init = in.choice("init", AdapterInit.class, AdapterInit.KAIMING, "as PEFT does");
        boolean rslora = in.bool("rslora", false, "the scale is alpha / rank, which every server understands");
        boolean dora = in.bool("dora", false, "plain LoRA is faster, and every server understands it");
        Map<String, Integer> ranks = in.integersByName("rank_pattern", "the same rank everywhere");
        Map<String, Double> alphas = in.numbersByName("alpha_pattern", "the same alpha everywhere");
        List<Integer> layers = in.optionalIntegers("layers", "all layers");
        List<String> whole = in.names("modules_to_save", List.of(), "nothing of the base is trained whole");
        BiasMode bias = in.choice("bias", BiasMode.class, BiasMode.NONE, "as PEFT does");
        return new LoraSpec(rank, alpha, dropout, targets, init, rslora, dora, ranks, alphas, layers, whole, bias);
    }

    private static BottleneckSpec bottleneck(Section in) {
        return new BottleneckSpec(
                in.integer("size", 64, "the usual width of a bottleneck"),
                in.choice("activation", Activation.class, Activation.RELU, "the usual one in a bottleneck"),
                in.choice("placement", Placement.class, Placement.HOULSBY, "after both blocks of a layer, as Houlsby"));
    }

    private static int virtualTokens(Section in) {
        return in.integer("virtual_tokens", 20, "a usual length");
    }

    private static PromptSpec prompt(Section in) {
        int tokens = virtualTokens(in);
        PromptInit init = in.choice("init", PromptInit.class, PromptInit.RANDOM, "as PEFT does");
        return new PromptSpec(tokens, init, in.optionalText("init_text"));
    }

    private static Ia3Spec ia3(Section in) {
        String reason = "what PEFT chooses for the base's family";
        return new Ia3Spec(
                in.optionalTargets("target_modules", reason), in.optionalNames("feedforward_modules", reason));
    }

    private static Map<String, String> foreign(Method method) {
        Map<String, String> problems = new TreeMap<>();
        OWNERS.forEach((key, owners) -> problems.put(key, method.refusal(owners)));
        return problems;
    }

    private static Map<String, Set<Method>> owners() {
        Map<String, Set<Method>> owners = new TreeMap<>();
        KEYS.forEach((methods, keys) -> keys.forEach(key ->
                owners.computeIfAbsent(key, one -> EnumSet.noneOf(Method.class)).addAll(methods)));
        return owners;
    }
}
