package dev.lowrank.engine.train;

import dev.lowrank.engine.adapter.LoraAdapter;
import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.PeftConfig;
import dev.lowrank.engine.format.PeftFolder;
import dev.lowrank.engine.model.Llama;
import dev.lowrank.engine.spec.AdapterInit;
import dev.lowrank.engine.spec.AdapterSpec;
import dev.lowrank.engine.spec.InitialAdapter;
import dev.lowrank.engine.spec.LoraSpec;
import dev.lowrank.engine.spec.SpecException;
import dev.lowrank.engine.spec.Targets;
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
    private final Llama model;
    private final Workspace memory;
    private final LoraAdapter adapter;

    private LoraTrainee(ModelFolder base, Kernels kernels, Llama model, Workspace memory, LoraAdapter adapter) {
        this.base = base;
        this.kernels = kernels;
        this.model = model;
        this.memory = memory;
        this.adapter = adapter;
        adapter.attach();
    }

    static LoraTrainee prepare(TrainingSpec spec, AdapterSpec wanted, ModelFolder base, Kernels kernels) {
        Llama model = Llama.load(base, false, kernels);
        Workspace memory = kernels.workspace();
        try {
            return new LoraTrainee(base, kernels, model, memory, adapter(spec, wanted, model, kernels, memory));
        } catch (RuntimeException e) {
            memory.close();
            model.close();
            throw e;
        }
    }

    private static LoraAdapter adapter(
            TrainingSpec spec, AdapterSpec wanted, Llama model, Kernels kernels, Workspace memory) {
        return switch (wanted) {
            case LoraSpec fresh ->
                LoraAdapter.create(
                        fresh, model, spec.baseModel(), spec.training().seed(), kernels, memory);
            case InitialAdapter initial -> {
                try (PeftFolder folder = PeftFolder.open(Path.of(initial.folder()))) {
                    initial.requireAgreement(settings(folder.config()), lastNames(model));
                    yield LoraAdapter.load(folder, model, true, kernels, memory);
                }
            }
            default -> throw new SpecException("adapter", "is not a low-rank one, which method \"lora\" trains.");
        };
    }

    private static LoraSpec settings(PeftConfig config) {
        return LoraSpec.plain(
                config.rank(),
                config.alpha(),
                config.dropout(),
                new Targets(config.targetModules()),
                AdapterInit.KAIMING);
    }

    private static List<String> lastNames(Llama model) {
        return model.linears().stream()
                .map(linear -> linear.path().substring(linear.path().lastIndexOf('.') + 1))
                .toList();
    }

    @Override
    public Llama model() {
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
