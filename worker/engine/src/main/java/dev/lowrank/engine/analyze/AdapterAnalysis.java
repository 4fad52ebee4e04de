package dev.lowrank.engine.analyze;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.engine.InputException;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.PeftConfig;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftLora;
import dev.lowrank.engine.format.TensorInfo;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What an adapter does to its base, module by module. An adapter without low-rank factors has its cost only.
 *
 * @param adapter the folder's name
 * @param kind such as "LoRA"
 * @param against the other adapter's folder name; null if none was given
 * @param notes what the figures leave out, each one sentence
 * @param layers in the order of the layers; empty if the adapter has no low-rank factors
 */
public record AdapterAnalysis(
        String adapter,
        String kind,
        @Nullable String against,
        Cost cost,
        List<String> notes,
        List<LayerAnalysis> layers) {
    private static final long SEED = 0x10a4L;

    /**
     * Analyses an adapter folder.
     *
     * @param base the folder of the base, for comparing the update with its weights; null to leave that out
     * @param against another adapter folder to compare directions with; null to leave that out
     * @throws InputException if one of them is not sound, they do not fit each other, or a value is not finite
     */
    public static AdapterAnalysis of(Path adapter, @Nullable Path base, @Nullable Path against) {
        try (PeftFolder folder = PeftFolder.open(adapter);
                Sources sources = Sources.open(base, against)) {
            return new Reading(folder, sources).analysis();
        }
    }

    /** What an adapter is compared with; either may be absent. */
    private record Sources(
            @Nullable ModelFolder base, @Nullable PeftFolder other) implements AutoCloseable {
        static Sources open(@Nullable Path base, @Nullable Path against) {
            ModelFolder model = base == null ? null : ModelFolder.open(base);
            try {
                return new Sources(model, against == null ? null : PeftFolder.open(against));
            } catch (RuntimeException e) {
                if (model != null) {
                    model.close();
                }
                throw e;
            }
        }

        @Override
        public void close() {
            if (base != null) {
                base.close();
            }
            if (other != null) {
                other.close();
            }
        }
    }

    /** One reading of one folder. */
    private record Reading(PeftFolder folder, Sources sources) {
        AdapterAnalysis analysis() {
            List<String> notes = new ArrayList<>();
            List<LayerAnalysis> layers = new ArrayList<>();
            PeftConfig config = folder.config();
            if (config instanceof PeftLora lora) {
                layers.addAll(layers(lora));
                if (lora.dora()) {
                    notes.add("DoRA's row norms are left out: the figures are those of the factors alone.");
                }
            } else {
                notes.add("A %s adapter has no low-rank factors, so only its cost is shown.".formatted(config.kind()));
            }
            PeftFolder other = sources.other();
            if (other != null) {
                requireComparable(other, layers);
            }
            return new AdapterAnalysis(
                    name(folder.path()),
                    config.kind(),
                    other == null ? null : name(other.path()),
                    Cost.of(folder, sources.base()),
                    List.copyOf(notes),
                    List.copyOf(layers));
        }

        private List<LayerAnalysis> layers(PeftLora lora) {
            Map<ModulePath, LayerAnalysis> layers = new TreeMap<>();
            for (String module : folder.modules()) {
                layers.put(ModulePath.of(module), layer(lora, module));
            }
            return List.copyOf(layers.values());
        }

        private LayerAnalysis layer(PeftLora lora, String module) {
            LowRankUpdate update = update(folder, lora, module);
            int in = Math.toIntExact(folder.shapeA(module)[1]);
            int out = Math.toIntExact(folder.shapeB(module)[0]);
            BaseWeight weight = weight(lora, module, in, out);
            return new LayerAnalysis(
                    module,
                    lora.rank(module),
                    in,
                    out,
                    (long) lora.rank(module) * (in + out),
                    lora.scale(module),
                    Arrays.stream(update.singularValues()).boxed().toList(),
                    update.norm(),
                    update.effectiveRank(),
                    update.above(0.01),
                    update.covering(0.9),
                    weight == null ? null : Amplification.of(update, weight, CounterRandom.key(SEED, module)),
                    similarity(update, module));
        }

        private static LowRankUpdate update(PeftFolder folder, PeftLora lora, String module) {
            float[] a = finite(folder.path(), module, folder.a(module));
            float[] b = finite(folder.path(), module, folder.b(module));
            return LowRankUpdate.of(a, b, lora.rank(module), lora.scale(module));
        }

        private static float[] finite(Path where, String module, float[] values) {
            for (float value : values) {
                if (!Float.isFinite(value)) {
                    throw new InputException(
                            "%s holds a value for \"%s\" that is not finite, so it cannot be analysed; train it again."
                                    .formatted(name(where), module));
                }
            }
            return values;
        }

        private @Nullable BaseWeight weight(PeftLora lora, String module, int in, int out) {
            ModelFolder base = sources.base();
            if (base == null) {
                return null;
            }
            String tensor = tensor(base, module);
            TensorInfo info = base.info(tensor);
            if (!info.dtype().readableAsFloats()) {
                throw new InputException(
                        "%s holds \"%s\" as %s, which is quantized; name the 16-bit folder of the same base."
                                .formatted(name(base.path()), tensor, info.dtype()));
            }
            boolean transposed = lora.fanInFanOut();
            long[] wanted = transposed ? new long[] {in, out} : new long[] {out, in};
            if (!Arrays.equals(info.shape(), wanted)) {
                throw new InputException(
                        "%s holds \"%s\" as %s, but the adapter needs %s; name the base it was made for."
                                .formatted(
                                        name(base.path()),
                                        tensor,
                                        Arrays.toString(info.shape()),
                                        Arrays.toString(wanted)));
            }
            return new BaseWeight(finite(base.path(), module, base.floats(tensor)), out, in, transposed);
        }

        /** GPT-2 folders leave out the first name of the path, and a tied head is the embedding. */
        private String tensor(ModelFolder base, String module) {
            List<String> names = new ArrayList<>(List.of(module + ".weight"));
            names.add(module.replaceFirst("^transformer\\.", "") + ".weight");
            if (module.equals("lm_head")) {
                names.addAll(List.of("model.embed_tokens.weight", "transformer.wte.weight", "wte.weight"));
            }
            for (String name : names) {
                if (base.tensorNames().contains(name)) {
                    return name;
                }
            }
            throw new InputException(
                    "%s holds no weight for \"%s\", which the adapter %s changes; name the base it was made for."
                            .formatted(name(base.path()), module, name(folder.path())));
        }

        private @Nullable List<List<Double>> similarity(LowRankUpdate update, String module) {
            PeftFolder other = sources.other();
            if (other == null
                    || !(other.config() instanceof PeftLora lora)
                    || !other.modules().contains(module)) {
                return null;
            }
            LowRankUpdate theirs = update(other, lora, module);
            if (theirs.right().numRows != update.right().numRows) {
                throw new InputException("%s adapts \"%s\" with %d inputs, %s with %d; compare adapters of one base."
                        .formatted(
                                name(folder.path()),
                                module,
                                update.right().numRows,
                                name(other.path()),
                                theirs.right().numRows));
            }
            if (theirs.singularValues().length == 0 || update.singularValues().length == 0) {
                return null;
            }
            return Arrays.stream(Subspaces.similarity(update.right(), theirs.right()))
                    .map(row -> Arrays.stream(row).boxed().toList())
                    .toList();
        }

        private void requireComparable(PeftFolder other, List<LayerAnalysis> layers) {
            if (layers.stream().allMatch(layer -> layer.similarity() == null)) {
                throw new InputException(
                        "%s and %s have no module in common that both change by low-rank factors; compare adapters of one base."
                                .formatted(name(folder.path()), name(other.path())));
            }
        }
    }

    private static String name(Path folder) {
        return String.valueOf(folder.toAbsolutePath().normalize().getFileName());
    }
}
