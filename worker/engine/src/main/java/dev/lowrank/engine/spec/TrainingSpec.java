package dev.lowrank.engine.spec;

import org.jspecify.annotations.Nullable;

/**
 * What a training job does; one that exists contradicts itself nowhere. On the command line the strings name folders and
 * files; in the API they name models and uploaded files, and the worker puts local paths in their place ({@link #at}).
 *
 * @param validationFile rows held out from training, or null
 * @param output folder that receives the adapter (or, for {@link Method#FULL}, the model) and {@code metrics.jsonl}
 * @param adapter of the kind the method trains; null for {@link Method#FULL}, and only for it
 */
public record TrainingSpec(
        String baseModel,
        String trainingFile,
        @Nullable String validationFile,
        DataFormat format,
        Method method,
        Quantization quantization,
        @Nullable String output,
        @Nullable AdapterSpec adapter,
        TrainingSettings training) {
    public TrainingSpec {
        Contradictions.refuseFormat(method, format);
        Contradictions.refuseQuantization(method, quantization);
        Contradictions.refuseAdapter(method, quantization, adapter);
        Contradictions.refuseTraining(method, training);
        SpecException.unless(
                !training.evaluation().runs() || validationFile != null,
                "training.evaluate_every_steps",
                "needs rows to judge by; name a \"validation_file\".");
    }

    /** A PEFT folder to start from, or null for a new adapter. */
    public @Nullable String initialAdapter() {
        return adapter instanceof InitialAdapter initial ? initial.folder() : null;
    }

    /** The same job on other paths. */
    public TrainingSpec at(String baseModel, String trainingFile, @Nullable String validationFile, String output) {
        return new TrainingSpec(
                baseModel, trainingFile, validationFile, format, method, quantization, output, adapter, training);
    }
}
