package dev.lowrank.engine.model;

import dev.lowrank.engine.tape.Parameter;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.engine.tape.Value;
import dev.lowrank.kernels.Activation;
import dev.lowrank.kernels.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One transformer block: attention, then a gated feed-forward, each on a normalised input and added to the stream. */
record LlamaLayer(
        int index,
        Parameter attentionNorm,
        Linear query,
        Linear key,
        Linear value,
        Linear output,
        Parameter feedForwardNorm,
        Linear gate,
        Linear up,
        Linear down) {
    /** h [N, C] to [N, C]. */
    Value forward(
            Tape tape,
            Value h,
            TokenBatch batch,
            LlamaConfig config,
            RotaryTables rotary,
            @Nullable KeyValueCache cache) {
        Value x = tape.rmsNorm(h, attentionNorm, 0, config.normEpsilon());
        Value q = tape.rope(query.forward(tape, x), config.heads(), batch.positions(), rotary.cos(), rotary.sin());
        Value k = tape.rope(key.forward(tape, x), config.kvHeads(), batch.positions(), rotary.cos(), rotary.sin());
        Value v = value.forward(tape, x);
        if (cache != null) {
            Tensor keys = cache.appendKeys(index, k.data());
            Tensor values = cache.appendValues(index, v.data());
            k = tape.constant(keys);
            v = tape.constant(values);
        }
        float scale = (float) (1 / Math.sqrt(config.headWidth()));
        Value attended = tape.attention(q, k, v, batch.sequences(), config.heads(), config.kvHeads(), scale);
        h = tape.residual(h, output.forward(tape, attended));

        x = tape.rmsNorm(h, feedForwardNorm, 0, config.normEpsilon());
        Value gated = tape.gated(Activation.SILU, gate.forward(tape, x), up.forward(tape, x));
        return tape.residual(h, down.forward(tape, gated));
    }

    List<Linear> linears() {
        return List.of(query, key, value, output, gate, up, down);
    }
}
