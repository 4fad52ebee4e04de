package dev.lowrank.engine;

/**
 * Random numbers as a function of a key and a counter, without state: the value at any position can be had alone, so a
 * resumed run needs no generator state and draws what the uninterrupted one would have drawn. The mixing function is the
 * finaliser of SplitMix64 (Steele, Lea, Flood 2014).
 */
public final class CounterRandom {
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    private CounterRandom() {}

    /** 64 well-mixed bits of {@code z}. */
    public static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /** A key made of several parts, each of which matters wherever it stands. */
    public static long key(long... parts) {
        long key = GOLDEN;
        for (long part : parts) {
            key = mix(key + GOLDEN + mix(part + GOLDEN));
        }
        return key;
    }

    /** A key made of a text and a number. */
    public static long key(long seed, String text) {
        long key = key(seed);
        for (int i = 0; i < text.length(); i++) {
            key = mix(key + GOLDEN + text.charAt(i));
        }
        return key;
    }

    /** 64 bits at a position of a key's sequence. */
    public static long bits(long key, long counter) {
        return mix(key + GOLDEN * (counter + 1));
    }

    /** Uniform in [0, 1). */
    public static double uniform(long key, long counter) {
        return (bits(key, counter) >>> 11) * 0x1p-53;
    }

    /** Standard normal, by Box and Muller's transform of two uniforms. */
    public static double normal(long key, long counter) {
        double u = 1 - uniform(key, 2 * counter);
        double v = uniform(key, 2 * counter + 1);
        return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
    }
}
