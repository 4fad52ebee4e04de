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
        Value x = input(attentionNorm, tape, h);
        h = attentionOutputNorm == null && afterAttention == null
                ? attention.onto(tape, h, x, pass)
                : tape.residual(h, behind(tape, attention.forward(tape, x, pass), attentionOutputNorm, afterAttention));
        x = input(feedForwardNorm, tape, h);
        return feedForwardOutputNorm == null && afterFeedForward == null
                ? feedForward.onto(tape, h, x)
                : tape.residual(h, behind(tape, feedForward.forward(tape, x), feedForwardOutputNorm, afterFeedForward));
    }

    private static Value behind(Tape tape, Value y, @Nullable Norm norm, @Nullable Bottleneck bottleneck) {
        Value normed = Norm.apply(norm, tape, y);
        return bottleneck == null ? normed : bottleneck.forward(tape, normed);
    }

    /** The stream as attention and feed-forward read it: normalised where the family does so before them. */
    private Value input(@Nullable Norm norm, Tape tape, Value h) {
        return norm == null ? tape.as(compute, h) : norm.forward(tape, h);
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
