package dev.lowrank.engine.model;

import dev.lowrank.engine.family.NormPlan;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.engine.tape.Value;
import dev.lowrank.kernels.DType;
import org.jspecify.annotations.Nullable;

/** RMSNorm, or LayerNorm where there is a bias. */
record Norm(NormPlan plan, Slot weight, @Nullable Slot bias, DType compute) {
    /** x of any type to one of the type that the model computes in. */
    Value forward(Tape tape, Value x) {
        return bias == null
                ? tape.rmsNorm(x, weight.parameter(), plan.offset(), plan.epsilon(), compute)
                : tape.layerNorm(x, weight.parameter(), bias.parameter(), plan.epsilon(), compute);
    }

    /** The norm, or x itself where the family has none in this place. */
    static Value apply(@Nullable Norm norm, Tape tape, Value x) {
        return norm == null ? x : norm.forward(tape, x);
    }
}
