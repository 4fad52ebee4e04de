package dev.lowrank.engine.compare;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.family.Architecture;
import dev.lowrank.engine.family.ModuleNames;
import dev.lowrank.engine.format.ModelFolder;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.Collectors;

/** What is compared, in the order of the table. */
final class Variants {
    /** Kept the same for every rank, as in the LoRA paper: alpha / r then leaves one learning rate good for all of them. */
    static final int ALPHA = 32;

    private Variants() {}

    /**
     * Everything there is for a base.
     *
     * @param ranks of LoRA
     * @param rates peak learning rates in place of the usual ones
     */
    static List<Variant> all(ModelFolder base, List<Integer> ranks, Map<Kind, Double> rates) {
        ToDoubleFunction<Kind> rate = kind -> rates.getOrDefault(kind, kind.learningRate(base.parameters()));
        List<Variant> all = new ArrayList<>();
        all.add(Variant.of(Kind.FULL, rate.applyAsDouble(Kind.FULL)));
        for (Kind kind : List.of(Kind.LORA_ATTENTION, Kind.LORA_ALL)) {
            for (int rank : ranks) {
                all.add(lora(kind, rank, base, rate.applyAsDouble(kind)));
            }
        }
        for (int rank : List.of(8, 64)) {
            all.add(lora(Kind.QLORA, rank, base, rate.applyAsDouble(Kind.QLORA)));
        }
        for (int size : List.of(16, 64)) {
            all.add(Variant.sized(Kind.BOTTLENECK, size, Map.of("size", size), rate.applyAsDouble(Kind.BOTTLENECK)));
        }
        for (Kind kind : List.of(Kind.PREFIX, Kind.PROMPT)) {
            all.add(Variant.sized(kind, 20, Map.of("virtual_tokens", 20), rate.applyAsDouble(kind)));
        }
        all.add(Variant.of(Kind.IA3, rate.applyAsDouble(Kind.IA3)));
        return all;
    }

    /**
     * The variants that words choose.
     *
     * @param words names, or what names begin with; empty for all
     * @throws InputException if a word chooses nothing
     */
    static List<Variant> chosen(List<Variant> all, List<String> words) {
        for (String word : words) {
            if (all.stream().noneMatch(variant -> variant.chosenBy(word))) {
                throw new InputException("--variants names \"%s\", but there are only: %s."
                        .formatted(word, all.stream().map(Variant::name).collect(Collectors.joining(", "))));
            }
        }
        return words.isEmpty()
                ? all
                : all.stream()
                        .filter(variant -> words.stream().anyMatch(variant::chosenBy))
                        .toList();
    }

    private static Variant lora(Kind kind, int rank, ModelFolder base, double rate) {
        Object targets = kind == Kind.LORA_ATTENTION ? queryAndValue(base) : "all-linear";
        return Variant.sized(kind, rank, Map.of("rank", rank, "alpha", ALPHA, "target_modules", targets), rate);
    }

    /** The projections of query and value; the fused one where the family has one for both. */
    private static List<String> queryAndValue(ModelFolder base) {
        ModuleNames names = Architecture.read(base.config(), base.path().resolve("config.json"))
                .names();
        String fused = names.queryKeyValue();
        return fused != null ? List.of(last(fused)) : List.of(last(names.query()), last(names.value()));
    }

    private static String last(String path) {
        return path.substring(path.lastIndexOf('.') + 1);
    }
}
