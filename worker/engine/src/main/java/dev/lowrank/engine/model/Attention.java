package dev.lowrank.engine.model;

import dev.lowrank.engine.family.Architecture;
import dev.lowrank.engine.family.AttentionPlan;
import dev.lowrank.engine.family.AttentionPlan.QueryKeyNorm;
import dev.lowrank.engine.family.LayerPlan;
import dev.lowrank.engine.family.ModuleNames;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.engine.tape.Value;
import dev.lowrank.kernels.AttentionShape;
import dev.lowrank.kernels.Sequences;
import dev.lowrank.kernels.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Self-attention of one block. */
final class Attention {
    private final int layer;
    private final AttentionPlan plan;
    private final LayerPlan here;
    private final List<Linear> inputs;
    private final Linear output;
    private final @Nullable Norm queryNorm;
    private final @Nullable Norm keyNorm;

    Attention(Architecture a, int layer, WeightLoader weights) {
        this.layer = layer;
        this.plan = a.attention();
        this.here = a.layers().get(layer);
        ModuleNames names = a.names();
        String at = names.layers() + "." + layer + ".";
        int c = a.width();
        int queries = a.queryWidth();
        int keys = a.keyWidth();
        String fused = names.queryKeyValue();
        boolean bias = plan.inputBias();
        this.inputs = fused != null
                ? List.of(weights.linear(at + fused, layer, queries + 2 * keys, c, bias))
                : List.of(
                        weights.linear(at + names.query(), layer, queries, c, bias),
                        weights.linear(at + names.key(), layer, keys, c, bias),
                        weights.linear(at + names.value(), layer, keys, c, bias));
        this.output = weights.linear(at + names.output(), layer, c, queries, plan.outputBias());
        boolean normed = plan.queryKeyNorm() != QueryKeyNorm.NONE;
        boolean whole = plan.queryKeyNorm() == QueryKeyNorm.WHOLE;
        this.queryNorm = normed ? weights.norm(at + names.queryNorm(), whole ? queries : plan.headWidth()) : null;
        this.keyNorm = normed ? weights.norm(at + names.keyNorm(), whole ? keys : plan.headWidth()) : null;
    }

    /** x [N, C] to [N, C]. */
    Value forward(Tape tape, Value x, Pass pass) {
        return output.forward(tape, heads(tape, x, pass));
    }

    /** The same, added to the stream that x was made from. */
    Value onto(Tape tape, Value stream, Value x, Pass pass) {
        return output.onto(tape, stream, heads(tape, x, pass));
    }

    /** What the heads have found, before the output projection: [N, H * D]. */
    private Value heads(Tape tape, Value x, Pass pass) {
        List<Value> projected = project(tape, x);
        Value q = rotated(tape, Norm.apply(queryNorm, tape, projected.get(0)), plan.heads(), pass);
        Value k = rotated(tape, Norm.apply(keyNorm, tape, projected.get(1)), plan.kvHeads(), pass);
        Value v = projected.get(2);
        Sequences sequences = pass.sequences();
        KeyValueCache cache = pass.cache();
        if (cache != null) {
            Tensor keys = cache.appendKeys(layer, k.data());
            Tensor values = cache.appendValues(layer, v.data());
            k = tape.constant(keys);
            v = tape.constant(values);
        } else if (pass.prefix() != null) {
            int[] starts = sequences.queryStarts();
            k = tape.prefixed(k, pass.prefix(), 2 * layer * k.data().columns(), starts);
            v = tape.prefixed(v, pass.prefix(), (2 * layer + 1) * v.data().columns(), starts);
            sequences = Pass.behind(pass.prefix().rows(), starts);
        }
        AttentionShape shape =
                new AttentionShape(plan.heads(), plan.kvHeads(), here.attentionScale(), here.window(), plan.softCap());
        return tape.attention(q, k, v, sequences, shape);
    }

    /** Queries, keys and values. */
    private List<Value> project(Tape tape, Value x) {
        if (inputs.size() == 1) {
            int keys = plan.kvHeads() * plan.headWidth();
            return tape.split(inputs.get(0).forward(tape, x), plan.heads() * plan.headWidth(), keys, keys);
        }
        return Linear.forward(tape, x, inputs);
    }

    private Value rotated(Tape tape, Value x, int heads, Pass pass) {
        if (here.rotary() == LayerPlan.NO_ROTATION) {
            return x;
        }
        RotaryTable table = pass.rotary().get(here.rotary());
        return tape.rope(x, heads, pass.positions(), table.cos(), table.sin());
    }

    List<Linear> inputs() {
        return inputs;
    }

    Linear output() {
        return output;
    }
}
