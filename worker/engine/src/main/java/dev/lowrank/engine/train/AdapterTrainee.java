package dev.lowrank.engine.train;

import dev.lowrank.engine.adapter.Adapter;
import dev.lowrank.engine.adapter.Adapters;
import dev.lowrank.engine.format.AdapterOrigin;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.ModelSource;
import dev.lowrank.engine.format.QuantizationConfig;
import dev.lowrank.engine.model.Precision;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.spec.AdapterSpec;
import dev.lowrank.engine.spec.SpecJson;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Workspace;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import tools.jackson.databind.node.ObjectNode;

/** An adapter of any kind on a frozen base, which may be of 4 bits. */
final class AdapterTrainee implements Trainee {
    private final TrainingSpec spec;
    private final Transformer model;
    private final Workspace memory;
    private final Adapter adapter;

    private AdapterTrainee(TrainingSpec spec, Transformer model, Workspace memory, Adapter adapter) {
        this.spec = spec;
        this.model = model;
        this.memory = memory;
        this.adapter = adapter;
        adapter.attach();
    }

    static AdapterTrainee prepare(
            TrainingSpec spec, AdapterSpec wanted, ModelSource base, DType compute, Kernels kernels) {
        Precision precision = spec.quantization().quantizes()
                ? Precision.nf4(spec.quantization().doubled(), compute)
                : Precision.frozen(compute);
        Transformer model = Transformer.load(base, precision, kernels);
        Workspace memory = kernels.workspace();
        try {
            Adapter adapter = Adapters.prepare(spec, wanted, model, kernels, memory);
            return new AdapterTrainee(spec, model, memory, adapter);
        } catch (RuntimeException | Error e) {
            memory.close();
            model.close();
            throw e;
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
    public <T> T withBase(Function<Transformer, T> use) {
        adapter.detach();
        try {
            return use.apply(model);
        } finally {
            adapter.attach();
        }
    }

    @Override
    public void write(ModelFolder base, Path folder) throws IOException {
        adapter.write(folder);
        origin(base).write(folder);
        Companions.copy(base.path(), folder);
    }

    /** A base that was quantized already is what it is, whatever the spec says. */
    private AdapterOrigin origin(ModelFolder base) {
        QuantizationConfig stored = base.quantization();
        ObjectNode settings = SpecJson.write(spec);
        settings.remove(List.of("base_model", "training_file", "validation_file", "output", "initial_adapter"));
        return new AdapterOrigin(
                spec.method().key(),
                stored != null || spec.quantization().quantizes(),
                stored != null ? stored.doubleQuantized() : spec.quantization().doubled(),
                base.sha256(),
                settings);
    }

    @Override
    public void close() {
        memory.close();
        model.close();
    }
}
