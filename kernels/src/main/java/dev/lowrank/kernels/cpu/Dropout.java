package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.shapes.ElementwiseShapes;
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
        ElementwiseShapes.dropout(x, rate, out);
        int threshold = Math.round(rate * (1 << 24));
        float factor = 1 / (1 - rate);
        team.elements(x.size(), (part, from, to) -> {
            Stretch[] s = Stretch.of(team, part, Stretch.BLOCK, x, out);
            Stretch in = s[0];
            Stretch result = s[1];
            CounterBits.chunks(
                    key,
                    from,
                    to,
                    (begin, end, low, high) -> Stretch.blocks(begin, end, (at, n) -> {
                        long atX = in.read(at, n);
                        long atOut = accumulate ? result.read(at, n) : result.place(at);
                        run(
                                in.memory(),
                                atX,
                                result.memory(),
                                atOut,
                                n,
                                CounterBits.place(at, low),
                                high,
                                threshold,
                                factor,
                                accumulate);
                        result.write(at, n);
                    }));
        });
    }

    private static void run(
            MemorySegment x,
            long atX,
            MemorySegment out,
            long atOut,
            int n,
            int low,
            int high,
            int threshold,
            float factor,
            boolean accumulate) {
        int whole = Lanes.whole(n);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            IntVector bits = CounterBits.vector(low + i, high);
            VectorMask<Integer> dropped = bits.lanewise(VectorOperators.LSHR, 8).compare(VectorOperators.LT, threshold);
            FloatVector kept = Lanes.load(x, atX + i).mul(factor).blend(0f, dropped.cast(Lanes.F));
            Lanes.store(accumulate ? Lanes.load(out, atOut + i).add(kept) : kept, out, atOut + i);
        }
        for (int i = whole; i < n; i++) {
            int bits = CounterBits.one(low + i, high);
            float kept = bits >>> 8 < threshold ? 0 : Lanes.get(x, atX + i) * factor;
            Lanes.set(out, atOut + i, accumulate ? Lanes.get(out, atOut + i) + kept : kept);
        }
    }
}
