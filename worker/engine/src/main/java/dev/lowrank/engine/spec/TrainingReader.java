package dev.lowrank.engine.spec;

import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Reads the {@code training} section. */
final class TrainingReader {
    private TrainingReader() {}

    static TrainingSettings read(Section in, Method method) {
        int epochs = in.integer("epochs", 1, "one pass over the data");
        Integer maxSteps = in.optionalInteger("max_steps", "the epochs decide");
        int micro = in.integer("micro_batch_size", 4, "small enough for most machines");
        int accumulation = in.integer("gradient_accumulation", 1, "one micro-batch a step");
        double rate = in.number("learning_rate", method.learningRate(), method.learningRateReason());
        Schedule schedule = in.choice("schedule", Schedule.class, Schedule.LINEAR, "falls to zero by the end");
        int warmup = in.integer("warmup_steps", 0, "no warm-up");
        double decay = in.number("weight_decay", 0, "no decay");
        List<Double> betas = in.pair("betas", List.of(0.9, 0.999), "AdamW's own");
        double epsilon = in.number("epsilon", 1e-8, "AdamW's own");
        double clip = in.number("max_grad_norm", 1, "keeps rare large gradients from doing harm");
        int length = in.integer("max_length", 1024, "longer rows are cut off there");
        boolean shuffle = in.bool("shuffle", false, "rows in the order of the file");
        int seed = in.integer("seed", 0, "fixed, so that a run can be repeated");
        TrainOn trainOn = in.choice(
                "train_on",
                TrainOn.class,
                TrainOn.ASSISTANT,
                method == Method.DPO
                        ? "pairs are compared by their answers"
                        : "the model learns to answer, not to ask");
        Integer every = in.optionalInteger("checkpoint_every_steps", "a tenth of the run, at most 200");
        ComputeType dtype =
                in.choice("dtype", ComputeType.class, ComputeType.AUTO, "as the base is stored, where the device can");
        boolean packing = in.bool("packing", false, "each row is a sequence of its own");
        GradientCheckpointing checkpointing = in.choice(
                "gradient_checkpointing",
                GradientCheckpointing.class,
                GradientCheckpointing.AUTO,
                "only where memory is short");
        Double beta = method == Method.DPO ? (Double) in.number("beta", 0.1, "the usual hold on the base") : null;
        OptimizerKind optimizer =
                in.choice("optimizer", OptimizerKind.class, OptimizerKind.ADAMW, "an adapter's state is small");
        boolean paged = in.bool("paged", false, "the optimizer's state stays where the model is");
        double neftune = in.number("neftune_alpha", 0, "no noise");
        Evaluation evaluation = evaluation(in);
        in.refuseUnknown(Map.of("beta", method.refusal(EnumSet.of(Method.DPO))));
        return new TrainingSettings(
                epochs,
                maxSteps,
                micro,
                accumulation,
                rate,
                schedule,
                warmup,
                decay,
                betas.get(0),
                betas.get(1),
                epsilon,
                clip,
                length,
                shuffle,
                seed,
                trainOn,
                every,
                dtype,
                packing,
                checkpointing,
                beta,
                optimizer,
                paged,
                neftune,
                evaluation);
    }

    private static Evaluation evaluation(Section in) {
        int every = in.integer("evaluate_every_steps", 0, "before and after only");
        EarlyStopping stopping = earlyStopping(in.optionalSection("early_stopping", "the run goes to its end"));
        return new Evaluation(
                every, stopping, in.choice("keep", Keep.class, Keep.LAST, "the last state is the result"));
    }

    private static @Nullable EarlyStopping earlyStopping(@Nullable Section in) {
        if (in == null) {
            return null;
        }
        int patience = in.integer("patience", 3, "a few evaluations may be worse by chance");
        double delta = in.number("min_delta", 0, "any fall counts");
        in.refuseUnknown();
        return new EarlyStopping(patience, delta);
    }
}
