package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
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
        Shapes.require(
                bound >= 0 && Float.isFinite(bound),
                "addUniformNoise bound must be a number of at least 0, but is %s.".formatted(bound));
        Shapes.reals("addUniformNoise x", x);
        Floats data = Floats.of(x);
        team.elements(
                x.size(),
                (from, to) -> CounterBits.chunks(
                        key, from, to, (begin, end, low, high) -> add(data, bound, begin, end, low, high)));
    }

    private static void add(Floats x, float bound, long from, long to, int low, int high) {
        long whole = Lanes.whole(from, to);
        for (long i = from; i < whole; i += Lanes.WIDTH) {
            FloatVector bits = (FloatVector) CounterBits.vector(i, low, high)
                    .lanewise(VectorOperators.LSHR, 8)
                    .convert(VectorOperators.I2F, 0);
            FloatVector factor = bits.mul(STEP).sub(1);
            x.store(factor.fma(Lanes.all(bound), x.load(i)), i);
        }
        for (long i = whole; i < to; i++) {
            float factor = (CounterBits.one(i, low, high) >>> 8) * STEP - 1;
            x.set(i, Math.fma(factor, bound, x.get(i)));
        }
    }
}
