package dev.lowrank.engine.adapter;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.engine.family.Architecture;
import dev.lowrank.engine.format.PeftConfig;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftKey;
import dev.lowrank.engine.format.PeftPrefixTuning;
import dev.lowrank.engine.format.PeftPromptTuning;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.tape.Parameter;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Prefix tuning (learned keys and values in front of every sequence in every layer) and prompt tuning (learned embeddings
 * in front of every sequence): one table, put in one place of the model.
 */
final class VirtualTokens implements Adapter {
    private final PeftConfig config;
    private final AdapterTensors tensors;
    private final Parameter table;
    private final Consumer<@Nullable Parameter> place;

    private VirtualTokens(
            PeftConfig config,
            AdapterTensors tensors,
            Supplier<float[]> initial,
            int tokens,
            long columns,
            Consumer<@Nullable Parameter> place) {
        this.config = config;
        this.tensors = tensors;
        this.place = place;
        this.table = tensors.take(PeftKey.PROMPT, initial, tokens, columns);
    }

    /** A new table is random by the seed, as PyTorch starts an embedding. */
    static VirtualTokens prefix(PeftPrefixTuning config, Transformer model, AdapterTensors tensors, long seed) {
        Architecture architecture = model.architecture();
        long columns = 2L * architecture.layers().size() * architecture.keyWidth();
        return new VirtualTokens(
                config,
                tensors,
                () -> normal(config.tokens() * columns, CounterRandom.key(seed, "prefix")),
                config.tokens(),
                columns,
                model::prefix);
    }

    /** @param initial [tokens, C] of a new table; null for random numbers by the seed */
    static VirtualTokens prompt(
            PeftPromptTuning config, Transformer model, AdapterTensors tensors, long seed, float @Nullable [] initial) {
        int width = model.architecture().width();
        return new VirtualTokens(
                config,
                tensors,
                () -> initial != null
                        ? initial
                        : normal((long) config.tokens() * width, CounterRandom.key(seed, "prompt")),
                config.tokens(),
                width,
                model::prompt);
    }

    /** Standard normal numbers. */
    static float[] normal(long count, long key) {
        float[] values = new float[Math.toIntExact(count)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) CounterRandom.normal(key, i);
        }
        return values;
    }

    @Override
    public void attach() {
        place.accept(table);
    }

    @Override
    public void detach() {
        place.accept(null);
    }

    @Override
    public List<Parameter> parameters() {
        return tensors.parameters();
    }

    @Override
    public void write(Path folder) {
        PeftFolder.write(folder, config, tensors.named());
    }
}
