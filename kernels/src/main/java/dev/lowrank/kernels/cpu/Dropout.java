package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;
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
        Shapes.floats("dropout x", x);
        Shapes.floats("dropout out", out, x.size());
        int threshold = Math.round(rate * (1 << 24));
        float factor = 1 / (1 - rate);
        team.elements(
                x.size(),
                (from, to) -> CounterBits.chunks(
                        key,
                        from,
                        to,
                        (begin, end, low, high) ->
                                run(x.data(), out.data(), begin, end, low, high, threshold, factor, accumulate)));
    }

    private static void run(
            MemorySegment x,
            MemorySegment out,
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
            FloatVector kept = Lanes.load(x, i).mul(factor).blend(0f, dropped.cast(Lanes.F));
            Lanes.store(accumulate ? Lanes.load(out, i).add(kept) : kept, out, i);
        }
        for (long i = whole; i < to; i++) {
            int bits = CounterBits.one(i, low, high);
            float kept = bits >>> 8 < threshold ? 0 : Lanes.get(x, i) * factor;
            Lanes.set(out, i, accumulate ? Lanes.get(out, i) + kept : kept);
        }
    }
}
