package dev.lowrank.engine.model;

import dev.lowrank.engine.tape.AdaptedLinear;
import dev.lowrank.engine.tape.LinearAdapter;
import dev.lowrank.engine.tape.LowRank;
import dev.lowrank.engine.tape.Matrix;
import dev.lowrank.engine.tape.Rescaling;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.engine.tape.Value;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A linear layer of the model, which an adapter may be attached to. */
public final class Linear {
    private final String path;
    private final int layer;
    private final Slot weight;
    private final @Nullable Slot bias;
    private final boolean transposed;
    private @Nullable LinearAdapter adapter;

    /**
     * @param path its module path in the model, such as {@code model.layers.0.self_attn.q_proj}
     * @param weight [out, in], or [in, out] if transposed
     */
    Linear(String path, int layer, Slot weight, @Nullable Slot bias, boolean transposed) {
        this.path = path;
        this.layer = layer;
        this.weight = weight;
        this.bias = bias;
        this.transposed = transposed;
    }

    public String path() {
        return path;
    }

    /** The block it belongs to, from 0. */
    public int layer() {
        return layer;
    }

    public int inputs() {
        return transposed ? weight.base().rows() : weight.base().columns();
    }

    public int outputs() {
        return transposed ? weight.base().columns() : weight.base().rows();
    }

    /** The weight that counts at present. */
    public Matrix weight() {
        return weight.matrix();
    }

    /** Whether the weight lies as [in, out], as GPT-2's files have it. */
    public boolean transposed() {
        return transposed;
    }

    public boolean hasBias() {
        return bias != null;
    }

    /** Puts an adapter on this layer, or takes it off again. */
    public void adapter(@Nullable LinearAdapter adapter) {
        this.adapter = adapter;
    }

    /** What each of them makes of the same x, in one operation where LoRA and nothing else is on them. */
    static List<Value> forward(Tape tape, Value x, List<Linear> linears) {
        List<Linear> together = new ArrayList<>();
        List<AdaptedLinear> layers = new ArrayList<>();
        for (Linear linear : linears) {
            AdaptedLinear adapted = linear.adapted();
            if (adapted != null && tape.fuses(x, adapted)) {
                together.add(linear);
                layers.add(adapted);
            }
        }
        if (together.size() < 2) {
            return linears.stream().map(linear -> linear.forward(tape, x)).toList();
        }
        List<Value> products = tape.linears(x, layers);
        List<Value> results = new ArrayList<>();
        for (Linear linear : linears) {
            int place = together.indexOf(linear);
            results.add(place < 0 ? linear.forward(tape, x) : linear.biased(tape, products.get(place)));
        }
        return results;
    }

    /** x [N, in] to [N, out]. */
    Value forward(Tape tape, Value x) {
        Rescaling rescaling = adapter instanceof Rescaling r ? r : null;
        Value in = rescaling != null && rescaling.input() ? tape.rescaled(x, rescaling.factor()) : x;
        Value y = adapter instanceof LowRank lowRank ? updated(tape, in, lowRank) : plain(tape, in);
        y = biased(tape, y);
        return rescaling != null && !rescaling.input() ? tape.rescaled(y, rescaling.factor()) : y;
    }

    private Value biased(Tape tape, Value y) {
        return bias == null ? y : tape.bias(y, bias.parameter());
    }

    /** {@code stream + y}, in one operation where nothing else is done to y. */
    Value onto(Tape tape, Value stream, Value x) {
        boolean alone = bias == null && !(adapter instanceof Rescaling);
        LowRank lowRank = adapter instanceof LowRank l ? l : null;
        return alone && (lowRank == null || lowRank.magnitude() == null)
                ? tape.linearOnto(stream, x, weight.matrix(), transposed, lowRank)
                : tape.residual(stream, forward(tape, x));
    }

    /** The layer without its bias where plain LoRA is on it, or null. */
    @Nullable
    AdaptedLinear adapted() {
        return adapter instanceof LowRank lowRank && lowRank.magnitude() == null
                ? new AdaptedLinear(weight.matrix(), transposed, lowRank)
                : null;
    }

    private Value plain(Tape tape, Value x) {
        return tape.linear(x, weight.matrix(), transposed, null);
    }

    /**
     * LoRA, or DoRA: with d the dropped inputs, {@code y = W x + (g - 1) W d + g s B A d}, which is
     * {@code g (W + s B A) d + W (x - d)}.
     */
    private Value updated(Tape tape, Value x, LowRank lowRank) {
        if (lowRank.magnitude() == null) {
            return tape.linear(x, weight.matrix(), transposed, lowRank);
        }
        Value d = tape.dropout(x, lowRank.dropout(), lowRank.site());
        LowRank kept = new LowRank(lowRank.a(), lowRank.b(), lowRank.scale(), 0, lowRank.site(), lowRank.magnitude());
        Value z = tape.linear(d, weight.matrix(), transposed, kept);
        Value y = tape.magnitude(z, weight.matrix(), transposed, kept);
        return d == x ? y : tape.sum(y, plain(tape, tape.difference(x, d)));
    }
}
