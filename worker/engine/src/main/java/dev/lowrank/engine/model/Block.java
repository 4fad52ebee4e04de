package dev.lowrank.engine.model;

import dev.lowrank.engine.family.Architecture;
import dev.lowrank.engine.family.ModuleNames;
import dev.lowrank.engine.tape.Tape;
import dev.lowrank.engine.tape.Value;
import dev.lowrank.kernels.DType;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * One transformer block: attention, then a feed-forward, each added to the stream. Each may have a norm before it, behind
 * it, or both, and a bottleneck adapter on what is about to be added.
 */
public final class Block {
    private final Attention attention;
    private final FeedForward feedForward;
    private final DType compute;
    private final @Nullable Norm attentionNorm;
    private final @Nullable Norm attentionOutputNorm;
    private final @Nullable Norm feedForwardNorm;
    private final @Nullable Norm feedForwardOutputNorm;
    private @Nullable Bottleneck afterAttention;
    private @Nullable Bottleneck afterFeedForward;

    Block(Architecture a, int layer, WeightLoader weights) {
        ModuleNames names = a.names();
        String at = names.layers() + "." + layer + ".";
        compute = weights.compute();
        attentionNorm = norm(weights, at, names.attentionNorm(), a.width());
        attention = new Attention(a, layer, weights);
        attentionOutputNorm = norm(weights, at, names.attentionOutputNorm(), a.width());
        feedForwardNorm = norm(weights, at, names.feedForwardNorm(), a.width());
        feedForward = new FeedForward(a, layer, weights);
        feedForwardOutputNorm = norm(weights, at, names.feedForwardOutputNorm(), a.width());
    }

    private static @Nullable Norm norm(WeightLoader weights, String at, @Nullable String name, int width) {
        return name == null ? null : weights.norm(at + name, width);
    }

    /** h [N, C] to [N, C]. */
    Value forward(Tape tape, Value h, Pass pass) {
        Value a = attention.forward(tape, input(attentionNorm, tape, h), pass);
        h = tape.residual(h, adapted(afterAttention, tape, Norm.apply(attentionOutputNorm, tape, a)));
        Value f = feedForward.forward(tape, input(feedForwardNorm, tape, h));
        return tape.residual(h, adapted(afterFeedForward, tape, Norm.apply(feedForwardOutputNorm, tape, f)));
    }

    /** The stream as attention and feed-forward read it: normalised where the family does so before them. */
    private Value input(@Nullable Norm norm, Tape tape, Value h) {
        return norm == null ? tape.as(compute, h) : norm.forward(tape, h);
    }

    private static Value adapted(@Nullable Bottleneck bottleneck, Tape tape, Value y) {
        return bottleneck == null ? y : bottleneck.forward(tape, y);
    }

    /** Puts bottleneck adapters behind attention and feed-forward, or takes them off. */
    public void bottlenecks(@Nullable Bottleneck afterAttention, @Nullable Bottleneck afterFeedForward) {
        this.afterAttention = afterAttention;
        this.afterFeedForward = afterFeedForward;
    }

    List<Linear> linears() {
        return Stream.of(
                        attention.inputs().stream(),
                        Stream.of(attention.output()),
                        feedForward.inputs().stream(),
                        Stream.of(feedForward.down()))
                .flatMap(linears -> linears)
                .toList();
    }
}
