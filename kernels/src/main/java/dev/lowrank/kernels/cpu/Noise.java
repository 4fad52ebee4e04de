package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.shapes.ElementwiseShapes;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Uniform noise: with the {@link CounterBits} of element i, {@code x += bound * ((bits >>> 8) / 2^23 - 1)}. The factor of
 * bound is exact in fp32, and the product and the sum are rounded once.
 */
final class Noise {
    private static final float STEP = 0x1p-23f;

    private final Team team;

    Noise(Team team) {
        this.team = team;
    }

    void addUniform(Tensor x, float bound, long key) {
        ElementwiseShapes.addUniformNoise(x, bound);
        team.elements(x.size(), (part, from, to) -> {
            Stretch data = Stretch.of(team, part, Stretch.BLOCK, x)[0];
            CounterBits.chunks(
                    key,
                    from,
                    to,
                    (begin, end, low, high) -> Stretch.blocks(begin, end, (at, n) -> {
                        long place = data.read(at, n);
                        add(data.memory(), place, n, bound, CounterBits.place(at, low), high);
                        data.write(at, n);
                    }));
        });
    }

    private static void add(MemorySegment x, long at, int n, float bound, int low, int high) {
        int whole = Lanes.whole(n);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            FloatVector bits = (FloatVector) CounterBits.vector(low + i, high)
                    .lanewise(VectorOperators.LSHR, 8)
                    .convert(VectorOperators.I2F, 0);
            FloatVector factor = bits.mul(STEP).sub(1);
            Lanes.store(factor.fma(Lanes.all(bound), Lanes.load(x, at + i)), x, at + i);
        }
        for (int i = whole; i < n; i++) {
            float factor = (CounterBits.one(low + i, high) >>> 8) * STEP - 1;
            Lanes.set(x, at + i, Math.fma(factor, bound, Lanes.get(x, at + i)));
        }
    }
}
