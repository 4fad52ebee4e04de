package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Inverted dropout: with the {@link CounterBits} of element i, it is kept if {@code (bits >>> 8) >= round(rate * 2^24)}.
 * Another device that computes the same drops the same elements.
 */
final class Dropout {
    private final Team team;

    Dropout(Team team) {
        this.team = team;
    }

    /** The mask does not depend on x, so {@code dx = mask / (1 - rate) * dOut}: this same operation on the gradient. */
    void run(Tensor x, float rate, long key, boolean accumulate, Tensor out) {
        Shapes.require(
                rate >= 0 && rate < 1, "dropout rate must be at least 0 and below 1, but is %s.".formatted(rate));
        Shapes.reals("dropout x", x);
        Shapes.reals("dropout out", out, x.size());
        Floats in = Floats.of(x);
        Floats outs = Floats.of(out);
        int threshold = Math.round(rate * (1 << 24));
        float factor = 1 / (1 - rate);
        team.elements(
                x.size(),
                (from, to) -> CounterBits.chunks(
                        key,
                        from,
                        to,
                        (begin, end, low, high) ->
                                run(in, outs, begin, end, low, high, threshold, factor, accumulate)));
    }

    private static void run(
            Floats x,
            Floats out,
            long from,
            long to,
            int low,
            int high,
            int threshold,
            float factor,
            boolean accumulate) {
        long whole = Lanes.whole(from, to);
        for (long i = from; i < whole; i += Lanes.WIDTH) {
            IntVector bits = CounterBits.vector(i, low, high);
            VectorMask<Integer> dropped = bits.lanewise(VectorOperators.LSHR, 8).compare(VectorOperators.LT, threshold);
            FloatVector kept = x.load(i).mul(factor).blend(0f, dropped.cast(Lanes.F));
            out.store(accumulate ? out.load(i).add(kept) : kept, i);
        }
        for (long i = whole; i < to; i++) {
            int bits = CounterBits.one(i, low, high);
            float kept = bits >>> 8 < threshold ? 0 : x.get(i) * factor;
            out.set(i, accumulate ? out.get(i) + kept : kept);
        }
    }
}
