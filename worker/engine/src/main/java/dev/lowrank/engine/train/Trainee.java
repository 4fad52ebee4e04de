package dev.lowrank.engine.train;

import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.format.ModelFolder;
import dev.lowrank.engine.model.Llama;
import dev.lowrank.engine.spec.AdapterSpec;
import dev.lowrank.engine.spec.TrainingSpec;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.LossSum;
import dev.lowrank.kernels.Workspace;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** What a run trains: a model and the part of it that moves. One implementation for each method. */
interface Trainee extends AutoCloseable {
    static Trainee prepare(TrainingSpec spec, ModelFolder base, Kernels kernels) {
        Abilities.require(spec);
        AdapterSpec adapter = spec.adapter();
        return adapter == null ? new FullTrainee(base, kernels) : LoraTrainee.prepare(spec, adapter, base, kernels);
    }

    /** The model as trained so far. */
    Llama model();

    /** The parameters the optimizer moves, in a fixed order. */
    List<Parameter> trainable();

    /** Where what lives as long as the run is kept. */
    Workspace memory();

    /** Cross-entropy of the base before any training. */
    LossSum measureBase(Dataset data, Workspace scratch);

    /** Writes what was trained, in the form the ecosystem loads. */
    void write(Path folder) throws IOException;

    @Override
    void close();
}
