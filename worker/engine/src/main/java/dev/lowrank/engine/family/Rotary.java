package dev.lowrank.engine.family;

import org.jspecify.annotations.Nullable;

/**
 * Rotary positions: pair i of the first {@code width} numbers of a head turns by {@code p * frequency[i]} at position p.
 *
 * @param theta the base of the frequencies {@code theta^(-2i/width)}
 * @param width how much of each head is rotated, R
 */
public record Rotary(double theta, int width, RotaryScaling scaling) {
    /** Pairs that turn, R / 2. */
    public int pairs() {
        return width / 2;
    }

    /**
     * Frequencies [R/2] in fp32, as the reference computes them.
     *
     * @param longest tokens of the longest sequence in the batch, on which some scalings depend
     */
    public float[] frequencies(int longest) {
        return scaling.frequencies(theta, width, longest);
    }

    /** What cosine and sine are multiplied by. */
    public float magnitude() {
        return scaling.magnitude();
    }

    /** Batches of equal regime share their frequencies. */
    public int regime(int longest) {
        return scaling.regime(longest);
    }

    /** {@code theta^(-2i/width)}, stretched by nothing. */
    static float[] plain(double theta, int width) {
        return stretched(theta, width, null);
    }

    /** {@code 1 / (stretch[i] * theta^(2i/width))}. */
    static float[] stretched(double theta, int width, float @Nullable [] stretch) {
        float[] frequencies = new float[width / 2];
        for (int i = 0; i < frequencies.length; i++) {
            float power = (float) Math.pow(theta, (float) (2 * i) / width);
            frequencies[i] = 1f / (stretch == null ? power : stretch[i] * power);
        }
        return frequencies;
    }
}
