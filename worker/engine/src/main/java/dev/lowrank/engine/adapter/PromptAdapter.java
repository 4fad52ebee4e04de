package dev.lowrank.engine.adapter;

import dev.lowrank.engine.CounterRandom;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.format.PeftKey;
import dev.lowrank.engine.format.PeftPromptTuning;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.tape.Parameter;
import java.nio.file.Path;
import java.util.List;

/** Prompt tuning: learned embeddings in front of every sequence. */
final class PromptAdapter implements Adapter {
    private static final String SEEDED = "prompt";

    private final PeftPromptTuning config;
    private final Transformer model;
    private final AdapterTensors tensors;
    private final Parameter table;

    private PromptAdapter(PeftPromptTuning config, Transformer model, AdapterTensors tensors, long seed) {
        this.config = config;
        this.model = model;
        this.tensors = tensors;
        int width = model.architecture().width();
        this.table = tensors.take(
                PeftKey.PROMPT,
                () -> normal((long) config.tokens() * width, CounterRandom.key(seed, SEEDED)),
                config.tokens(),
                width);
    }

    static PromptAdapter build(PeftPromptTuning config, Transformer model, AdapterTensors tensors, long seed) {
        return new PromptAdapter(config, model, tensors, seed);
    }

    /** Standard normal numbers, as PyTorch starts an embedding. */
    static float[] normal(long count, long key) {
        float[] values = new float[Math.toIntExact(count)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) CounterRandom.normal(key, i);
        }
        return values;
    }

    @Override
    public void attach() {
        model.prompt(table);
    }

    @Override
    public void detach() {
        model.prompt(null);
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
