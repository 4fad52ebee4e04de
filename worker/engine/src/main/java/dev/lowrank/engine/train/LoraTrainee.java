package dev.lowrank.engine.train;

import dev.lowrank.engine.adapter.LoraAdapter;
import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.model.Precision;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.LossSum;
import dev.lowrank.kernels.Workspace;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A low-rank adapter on a frozen base. */
final class LoraTrainee implements Trainee {
    private final ModelFolder base;
    private final Kernels kernels;
    private final Transformer model;
    private final Workspace memory;
    private final LoraAdapter adapter;

    private LoraTrainee(ModelFolder base, Kernels kernels, Transformer model, Workspace memory, LoraAdapter adapter) {
        this.base = base;
        this.kernels = kernels;
        this.model = model;
        this.memory = memory;
        this.adapter = adapter;
        adapter.attach();
    }

    static LoraTrainee prepare(TrainingSpec spec, ModelFolder base, Kernels kernels) {
        Transformer model = Transformer.load(base, Precision.FROZEN, kernels);
        Workspace memory = kernels.workspace();
        try {
            return new LoraTrainee(base, kernels, model, memory, adapter(spec, model, kernels, memory));
        } catch (RuntimeException e) {
            memory.close();
            model.close();
            throw e;
        }
    }

    private static LoraAdapter adapter(TrainingSpec spec, Transformer model, Kernels kernels, Workspace memory) {
        String initial = spec.initialAdapter();
        if (initial == null) {
            return LoraAdapter.create(
                    spec.adapter(), model, spec.baseModel(), spec.training().seed(), kernels, memory);
        }
        try (PeftFolder folder = PeftFolder.open(Path.of(initial))) {
            return LoraAdapter.load(folder, model, true, kernels, memory);
        }
    }

    @Override
    public Transformer model() {
        return model;
    }

    @Override
    public List<Parameter> trainable() {
        return adapter.parameters();
    }

    @Override
    public Workspace memory() {
        return memory;
    }

    @Override
    public LossSum measureBase(Dataset data, Workspace scratch) {
        adapter.detach();
        try {
            return LossMeter.measure(model, data, kernels, scratch);
        } finally {
            adapter.attach();
        }
    }

    @Override
    public void write(Path folder) throws IOException {
        adapter.write(folder);
        Companions.copy(base.path(), folder);
    }

    @Override
    public void close() {
        memory.close();
        model.close();
    }
}
