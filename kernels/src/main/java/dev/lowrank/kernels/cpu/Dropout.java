package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Inverted dropout. Whether element i is kept is a function of the key and i alone:
 *
 * <pre>
 * k    = mix64(key + (i >>> 20) * 0x9E3779B97F4A7C15)      two 32-bit keys for each 2^20 elements
 * bits = mix32(mix32((i mod 2^20) + low32(k)) ^ high32(k))
 * keep = (bits >>> 8) >= round(rate * 2^24)
 * </pre>
 *
 * mix64 is the finisher of SplitMix64, mix32 that of MurmurHash3: bijections in which every input bit moves every output
 * bit. Another device that computes these lines drops the same elements.
 */
final class Dropout {
    private static final int CHUNK = 1 << 20;
    private static final IntVector LANE = IntVector.zero(Lanes.I).addIndex(1);

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
        team.elements(x.size(), (from, to) -> {
            for (long at = from; at < to; ) {
                long chunk = at / CHUNK;
                long end = Math.min(to, (chunk + 1) * CHUNK);
                long k = mix64(key + chunk * 0x9E3779B97F4A7C15L);
                run(x.data(), out.data(), at, end, (int) k, (int) (k >>> 32), threshold, factor, accumulate);
                at = end;
            }
        });
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
            IntVector index = LANE.add((int) (i % CHUNK) + low);
            IntVector bits = mix32(mix32(index).lanewise(VectorOperators.XOR, high));
            VectorMask<Integer> dropped = bits.lanewise(VectorOperators.LSHR, 8).compare(VectorOperators.LT, threshold);
            FloatVector kept = Lanes.load(x, i).mul(factor).blend(0f, dropped.cast(Lanes.F));
            Lanes.store(accumulate ? Lanes.load(out, i).add(kept) : kept, out, i);
        }
        for (long i = whole; i < to; i++) {
            int bits = mix32(mix32((int) (i % CHUNK) + low) ^ high);
            float kept = bits >>> 8 < threshold ? 0 : Lanes.get(x, i) * factor;
            Lanes.set(out, i, accumulate ? Lanes.get(out, i) + kept : kept);
        }
    }

    /**
     * {@code x += bound * (2u - 1)} with u in [0, 1) from the same 24 bits that decide about keeping an element.
     */
    void addNoise(Tensor x, float bound, long key) {
        Shapes.require(bound >= 0 && bound < Float.POSITIVE_INFINITY, "noise cannot reach to %s.".formatted(bound));
        Shapes.floats("addUniformNoise x", x);
        team.elements(x.size(), (from, to) -> {
            for (long i = from; i < to; i++) {
                long k = mix64(key + i / CHUNK * 0x9E3779B97F4A7C15L);
                int bits = mix32(mix32((int) (i % CHUNK) + (int) k) ^ (int) (k >>> 32)) >>> 8;
                float noise = bound * (2 * (bits * 0x1p-24f) - 1);
                Lanes.set(x.data(), i, Lanes.get(x.data(), i) + noise);
            }
        });
    }

    private static IntVector mix32(IntVector z) {
        z = z.lanewise(VectorOperators.XOR, z.lanewise(VectorOperators.LSHR, 16))
                .mul(0x85EBCA6B);
        z = z.lanewise(VectorOperators.XOR, z.lanewise(VectorOperators.LSHR, 13))
                .mul(0xC2B2AE35);
        return z.lanewise(VectorOperators.XOR, z.lanewise(VectorOperators.LSHR, 16));
    }

    private static int mix32(int z) {
        z = (z ^ (z >>> 16)) * 0x85EBCA6B;
        z = (z ^ (z >>> 13)) * 0xC2B2AE35;
        return z ^ (z >>> 16);
    }

    private static long mix64(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
