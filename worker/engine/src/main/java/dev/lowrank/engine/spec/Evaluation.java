package dev.lowrank.engine.spec;

import org.jspecify.annotations.Nullable;

/**
 * What the validation rows are used for while a run goes on.
 *
 * @param everySteps optimizer steps between evaluations; 0 for none but before and after
 * @param earlyStopping null to train to the end in any case
 */
public record Evaluation(int everySteps, @Nullable EarlyStopping earlyStopping, Keep keep) {
    /** Before and after only. */
    public static final Evaluation OFF = new Evaluation(0, null, Keep.LAST);

    public Evaluation {
        SpecException.unless(
                everySteps >= 0,
                "training.evaluate_every_steps",
                "is %s, but must not be negative (0 switches it off).",
                everySteps);
        SpecException.unless(
                everySteps > 0 || earlyStopping == null,
                "training.early_stopping",
                "needs evaluations to go by; set training.evaluate_every_steps.");
        SpecException.unless(
                everySteps > 0 || keep == Keep.LAST,
                "training.keep",
                "is \"%s\", but without evaluations there is no best; set training.evaluate_every_steps.",
                keep.key());
    }

    /** Whether the validation rows are judged during the run. */
    public boolean runs() {
        return everySteps > 0;
    }
}
