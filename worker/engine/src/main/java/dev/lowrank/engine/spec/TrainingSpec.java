package dev.lowrank.engine.spec;

import org.jspecify.annotations.Nullable;

/**
 * What a training job does. On the command line the strings name folders and files; in the API they name models and
 * uploaded files, and the worker puts local paths in their place ({@link #at}).
 *
 * @param validationFile rows held out from training, or null
 * @param output folder that receives the adapter (or, for {@link Method#FULL}, the model) and {@code metrics.jsonl}
 * @param initialAdapter a PEFT folder to start from, or null; its rank, alpha and modules then count
 * @param adapter how the adapter is made; unused by {@link Method#FULL}
 */
public record TrainingSpec(
        String baseModel,
        String trainingFile,
        @Nullable String validationFile,
        DataFormat format,
        Method method,
        @Nullable String output,
        @Nullable String initialAdapter,
        AdapterSpec adapter,
        TrainingSettings training) {

    /** The same job on other paths. */
    public TrainingSpec at(String baseModel, String trainingFile, @Nullable String validationFile, String output) {
        return new TrainingSpec(
                baseModel, trainingFile, validationFile, format, method, output, initialAdapter, adapter, training);
    }
}
