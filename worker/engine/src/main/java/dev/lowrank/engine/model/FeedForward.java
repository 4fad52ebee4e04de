package dev.lowrank.engine.model;

import dev.lowrank.engine.family.Architecture;
import dev.lowrank.engine.family.FeedForwardPlan;
import dev.lowrank.engine.family.ModuleNames;
import dev.lowrank.engine.tape.AdaptedLinear;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.engine.tape.Value;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The feed-forward of one block, gated or not; gate and up may be one projection. */
final class FeedForward {
    private final FeedForwardPlan plan;
    private final List<Linear> inputs;
    private final Linear down;

    FeedForward(Architecture a, int layer, WeightLoader weights) {
        this.plan = a.feedForward();
        ModuleNames names = a.names();
        String at = names.layers() + "." + layer + ".";
        int c = a.width();
        int f = plan.width();
        boolean bias = plan.bias();
        if (names.gateUp() != null) {
            inputs = List.of(weights.linear(at + names.gateUp(), layer, 2 * f, c, bias));
        } else if (plan.gated()) {
            inputs = List.of(
                    weights.linear(at + names.gate(), layer, f, c, bias),
                    weights.linear(at + names.up(), layer, f, c, bias));
        } else {
            inputs = List.of(weights.linear(at + names.up(), layer, f, c, bias));
        }
        down = weights.linear(at + names.down(), layer, c, f, bias);
    }

    /** x [N, C] to [N, C]. */
    Value forward(Tape tape, Value x) {
        Value whole = fused(tape, null, x);
        return whole == null ? down.forward(tape, inner(tape, x)) : whole;
    }

    /** The same, added to the stream that x was made from. */
    Value onto(Tape tape, Value stream, Value x) {
        Value whole = fused(tape, stream, x);
        return whole == null ? down.onto(tape, stream, inner(tape, x)) : whole;
    }

    /** All of it as one operation, where gate, up and down have LoRA and nothing else, biases neither; else null. */
    private @Nullable Value fused(Tape tape, @Nullable Value stream, Value x) {
        if (!plan.gated() || plan.bias() || inputs.size() == 1) {
            return null;
        }
        AdaptedLinear gate = inputs.get(0).adapted();
        AdaptedLinear up = inputs.get(1).adapted();
        AdaptedLinear last = down.adapted();
        return gate != null && up != null && last != null && tape.fuses(x, gate, up, last)
                ? tape.feedForward(stream, x, plan.activation(), gate, up, last)
                : null;
    }

    /** [N, F]. */
    private Value inner(Tape tape, Value x) {
        if (!plan.gated()) {
            return tape.activation(plan.activation(), inputs.get(0).forward(tape, x));
        }
        List<Value> gateUp = inputs.size() == 1
                ? tape.split(inputs.get(0).forward(tape, x), plan.width(), plan.width())
                : Linear.forward(tape, x, inputs);
        return tape.gated(plan.activation(), gateUp.get(0), gateUp.get(1));
    }

    List<Linear> inputs() {
        return inputs;
    }

    Linear down() {
        return down;
    }
}
