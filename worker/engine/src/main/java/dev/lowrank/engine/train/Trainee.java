package dev.lowrank.engine.train;

import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.format.ModelSource;
import dev.lowrank.engine.model.Transformer;
import dev.lowrank.engine.spec.AdapterSpec;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Workspace;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;

/** What a run trains: a model and the part of it that moves. One implementation for each method. */
interface Trainee extends AutoCloseable {
    static Trainee prepare(TrainingSpec spec, ModelSource base, DType compute, Kernels kernels) {
        AdapterSpec adapter = spec.adapter();
        return adapter == null
                ? new FullTrainee(base, compute, kernels)
                : AdapterTrainee.prepare(spec, adapter, base, compute, kernels);
    }

    /** The model as trained so far. */
    Transformer model();

    /** The parameters the optimizer moves, in a fixed order. */
    List<Parameter> trainable();

    /** Where what lives as long as the run is kept. */
    Workspace memory();

    /** Runs something on the base as it was before any training. */
    <T> T withBase(Function<Transformer, T> use);

    /** Writes what was trained, in the form the ecosystem loads, as belongs to the base it was trained on. */
    void write(ModelFolder base, Path folder) throws IOException;

    @Override
    void close();
}
