package dev.lowrank.engine.model;

import dev.lowrank.engine.tape.LowRank;
import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.engine.tape.Value;
import org.jspecify.annotations.Nullable;

/** A linear layer of the model, which an adapter may be attached to. */
public final class Linear {
    private final String path;
    private final Parameter weight;
    private @Nullable LowRank adapter;

    /**
     * @param path its module path in the model, such as {@code model.layers.0.self_attn.q_proj}
     * @param weight [out, in]
     */
    Linear(String path, Parameter weight) {
        this.path = path;
        this.weight = weight;
    }

    public String path() {
        return path;
    }

    public int inputs() {
        return weight.value().columns();
    }

    public int outputs() {
        return weight.value().rows();
    }

    /** Puts an adapter on this layer, or takes it off again. */
    public void adapter(@Nullable LowRank lowRank) {
        adapter = lowRank;
    }

    Value forward(Tape tape, Value x) {
        return tape.linear(x, weight, adapter);
    }
}
