package dev.lowrank.engine.spec;

import org.jspecify.annotations.Nullable;

/**
 * The training loop's settings.
 *
 * @param maxSteps optimizer steps after which to stop, even if the epochs are not over; null for no such limit
 * @param microBatchSize rows that go through the model together
 * @param gradientAccumulation micro-batches of one optimizer step
 * @param learningRate the schedule's peak
 * @param maxGradNorm gradients are scaled down to this norm; 0 for no clipping
 * @param maxLength tokens of a row; the rest is cut off
 * @param checkpointEverySteps optimizer steps between checkpoints; null to leave the choice to whoever runs the job
 * @param packing whether short rows share a sequence, not seeing each other
 * @param beta how strongly {@link Method#DPO} holds on to the base; there for it and only for it
 * @param paged whether the optimizer's state may be moved out of the device's memory
 * @param neftuneAlpha size of the noise on embeddings while training; 0 for none
 */
public record TrainingSettings(
        int epochs,
        @Nullable Integer maxSteps,
        int microBatchSize,
        int gradientAccumulation,
        double learningRate,
        Schedule schedule,
        int warmupSteps,
        double weightDecay,
        double beta1,
        double beta2,
        double epsilon,
        double maxGradNorm,
        int maxLength,
        boolean shuffle,
        int seed,
        TrainOn trainOn,
        @Nullable Integer checkpointEverySteps,
        ComputeType dtype,
        boolean packing,
        GradientCheckpointing gradientCheckpointing,
        @Nullable Double beta,
        OptimizerKind optimizer,
        boolean paged,
        double neftuneAlpha,
        Evaluation evaluation) {
    public TrainingSettings {
        require(epochs >= 1 && epochs <= 10_000, "epochs", "is %s, but must be between 1 and 10000.", epochs);
        require(maxSteps == null || maxSteps >= 1, "max_steps", "is %s, but must be at least 1.", maxSteps);
        require(
                microBatchSize >= 1 && microBatchSize <= 65_536,
                "micro_batch_size",
                "is %s, but must be between 1 and 65536.",
                microBatchSize);
        require(
                gradientAccumulation >= 1 && gradientAccumulation <= 65_536,
                "gradient_accumulation",
                "is %s, but must be between 1 and 65536.",
                gradientAccumulation);
        require(
                learningRate > 0 && learningRate <= 10,
                "learning_rate",
                "is %s, but must be positive (and at most 10).",
                learningRate);
        require(warmupSteps >= 0, "warmup_steps", "is %s, but must not be negative.", warmupSteps);
        require(weightDecay >= 0 && weightDecay < 1e3, "weight_decay", "is %s, but must not be negative.", weightDecay);
        require(
                beta1 >= 0 && beta1 < 1,
                "betas",
                "starts with %s, but both must be at least 0 and less than 1.",
                beta1);
        require(beta2 >= 0 && beta2 < 1, "betas", "ends with %s, but both must be at least 0 and less than 1.", beta2);
        require(epsilon > 0 && epsilon < 1, "epsilon", "is %s, but must be positive.", epsilon);
        require(
                maxGradNorm >= 0 && maxGradNorm < 1e9,
                "max_grad_norm",
                "is %s, but must not be negative (0 switches clipping off).",
                maxGradNorm);
        require(
                maxLength >= 2 && maxLength <= 1 << 20,
                "max_length",
                "is %s, but must be between 2 and 1048576.",
                maxLength);
        require(
                checkpointEverySteps == null || checkpointEverySteps >= 1,
                "checkpoint_every_steps",
                "is %s, but must be at least 1.",
                checkpointEverySteps);
        require(
                beta == null || beta > 0 && beta <= 100,
                "beta",
                "is %s, but must be positive (and at most 100).",
                beta);
        require(
                neftuneAlpha >= 0 && neftuneAlpha <= 1000,
                "neftune_alpha",
                "is %s, but must be between 0 (off) and 1000.",
                neftuneAlpha);
    }

    private static void require(boolean holds, String field, String problem, @Nullable Object... values) {
        SpecException.unless(holds, "training." + field, problem, values);
    }
}
