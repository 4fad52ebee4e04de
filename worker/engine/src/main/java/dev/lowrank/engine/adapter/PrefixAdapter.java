package dev.lowrank.engine.adapter;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftKey;
import dev.lowrank.engine.format.PeftPrefixTuning;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.tape.Parameter;
import java.nio.file.Path;
import java.util.List;

/** Prefix tuning: learned keys and values in front of every sequence in every layer. */
final class PrefixAdapter implements Adapter {
    private static final String SEEDED = "prefix";

    private final PeftPrefixTuning config;
    private final Transformer model;
    private final AdapterTensors tensors;
    private final Parameter table;

    private PrefixAdapter(PeftPrefixTuning config, Transformer model, AdapterTensors tensors, long seed) {
        this.config = config;
        this.model = model;
        this.tensors = tensors;
        this.table = tensors.take(
                PeftKey.PROMPT,
                () -> PromptAdapter.normal(config.tokens() * config.columns(), CounterRandom.key(seed, SEEDED)),
                config.tokens(),
                2L * model.architecture().layers().size() * model.architecture().keyWidth());
    }

    static PrefixAdapter build(PeftPrefixTuning config, Transformer model, AdapterTensors tensors, long seed) {
        return new PrefixAdapter(config, model, tensors, seed);
    }

    @Override
    public void attach() {
        model.prefix(table);
    }

    @Override
    public void detach() {
        model.prefix(null);
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
