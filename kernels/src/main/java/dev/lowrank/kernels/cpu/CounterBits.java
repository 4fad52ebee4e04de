package dev.lowrank.kernels.cpu;

import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * 32 random bits for each element of a tensor, a function of a key and the element's index i alone:
 *
 * <pre>
 * k    = mix64(key + (i >>> 20) * 0x9E3779B97F4A7C15)      two 32-bit keys for each 2^20 elements
 * bits = mix32(mix32((i mod 2^20) + low32(k)) ^ high32(k))
 * </pre>
 *
 * mix64 is the finisher of SplitMix64, mix32 that of MurmurHash3: bijections in which every input bit moves every output
 * bit. Another device that computes these lines gets the same bits.
 */
final class CounterBits {
    private static final int CHUNK = 1 << 20;
    private static final IntVector LANE = IntVector.zero(Lanes.I).addIndex(1);

    private CounterBits() {}

    /** What is done with the elements {@code [from, to)} of one chunk, whose keys are {@code low} and {@code high}. */
    @FunctionalInterface
    interface Share {
        void run(long from, long to, int low, int high);
    }

    /** Goes over {@code [from, to)} chunk by chunk. */
    static void chunks(long key, long from, long to, Share share) {
        for (long at = from; at < to; ) {
            long chunk = at / CHUNK;
            long end = Math.min(to, (chunk + 1) * CHUNK);
            long k = mix64(key + chunk * 0x9E3779B97F4A7C15L);
            share.run(at, end, (int) k, (int) (k >>> 32));
            at = end;
        }
    }

    /** {@code (i mod 2^20) + low}, which the elements after i count on from. */
    static int place(long i, int low) {
        return (int) (i % CHUNK) + low;
    }

    /** The bits of the elements from a place on, one in each lane. */
    static IntVector vector(int place, int high) {
        return mix32(mix32(LANE.add(place)).lanewise(VectorOperators.XOR, high));
    }

    /** The bits of the element at a place. */
    static int one(int place, int high) {
        return mix32(mix32(place) ^ high);
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
