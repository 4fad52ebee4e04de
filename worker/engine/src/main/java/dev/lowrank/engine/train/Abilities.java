package dev.lowrank.engine.train;

import dev.lowrank.engine.spec.GradientCheckpointing;
import dev.lowrank.engine.spec.OptimizerKind;
import dev.lowrank.engine.spec.SpecException;
import dev.lowrank.engine.spec.TrainingSettings;
import dev.lowrank.engine.spec.TrainingSpec;

/** What a spec can say and this engine does not do, refused so that nobody believes it happened. */
final class Abilities {
    private Abilities() {}

    static void require(TrainingSpec spec) {
        requireTraining(spec.training());
    }

    private static void requireTraining(TrainingSettings training) {
        require(!training.packing(), "training.packing", notDone("true"));
        require(
                training.gradientCheckpointing() != GradientCheckpointing.LAYER,
                "training.gradient_checkpointing",
                notDone("layer"));
        require(training.optimizer() == OptimizerKind.ADAMW, "training.optimizer", notDone("adamw8bit"));
        require(!training.paged(), "training.paged", notDone("true"));
        require(training.neftuneAlpha() == 0, "training.neftune_alpha", notDone("set"));
        require(!training.evaluation().runs(), "training.evaluate_every_steps", notDone("set"));
    }

    private static String notDone(String value) {
        return "is %s, which this engine does not do; leave it out.".formatted(value);
    }

    private static void require(boolean holds, String field, String problem) {
        if (!holds) {
            throw new SpecException(field, problem);
        }
    }
}
