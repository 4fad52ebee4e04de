package dev.lowrank.engine.family;

/**
 * How a family stretches rotary positions beyond the length it was first trained for. The rules are those of Hugging
 * Face's {@code modeling_rope_utils}.
 */
public sealed interface RotaryScaling {
    /** See {@link Rotary#frequencies}. */
    float[] frequencies(double theta, int width, int longest);

    default float magnitude() {
        return 1;
    }

    default int regime(int longest) {
        return 0;
    }

    /** No scaling. */
    record None() implements RotaryScaling {
        @Override
        public float[] frequencies(double theta, int width, int longest) {
            return Rotary.plain(theta, width);
        }
    }

    /** Positions divided by a factor. */
    record Linear(double factor) implements RotaryScaling {
        @Override
        public float[] frequencies(double theta, int width, int longest) {
            float[] frequencies = Rotary.plain(theta, width);
            for (int i = 0; i < frequencies.length; i++) {
                frequencies[i] /= (float) factor;
            }
            return frequencies;
        }
    }

    /**
     * A base that grows with the sequence once it is longer than the model was trained for:
     * {@code theta * (factor * n / trained - (factor - 1))^(R / (R - 2))}.
     */
    record Dynamic(double factor, int trained) implements RotaryScaling {
        @Override
        public float[] frequencies(double theta, int width, int longest) {
            double n = Math.max(longest, trained);
            double growth = Math.pow(factor * n / trained - (factor - 1), width / (width - 2.0));
            return Rotary.plain(theta * growth, width);
        }

        @Override
        public int regime(int longest) {
            return Math.max(longest, trained);
        }
    }

    /** Llama 3.1: long wavelengths are divided by the factor, short ones kept, those between blended. */
    record Llama3(double factor, double lowFactor, double highFactor, int trained) implements RotaryScaling {
        @Override
        public float[] frequencies(double theta, int width, int longest) {
            float[] frequencies = Rotary.plain(theta, width);
            for (int i = 0; i < frequencies.length; i++) {
                float f = frequencies[i];
                float wavelength = (float) (2 * Math.PI) / f;
                if (wavelength > trained / lowFactor) {
                    frequencies[i] = f / (float) factor;
                } else if (wavelength >= trained / highFactor) {
                    float smooth = (float) ((trained / wavelength - lowFactor) / (highFactor - lowFactor));
                    frequencies[i] = (1 - smooth) * (f / (float) factor) + smooth * f;
                }
            }
            return frequencies;
        }
    }

    /**
     * YaRN: pairs that turn often keep their frequency, pairs that turn rarely are divided by the factor, with a linear
     * ramp between the two; cosine and sine are scaled by {@code magnitude}.
     *
     * @param truncate the ends of the ramp are whole numbers
     */
    record Yarn(double factor, float magnitude, double betaFast, double betaSlow, int trained, boolean truncate)
            implements RotaryScaling {
        @Override
        public float[] frequencies(double theta, int width, int longest) {
            double low = pairTurning(betaFast, theta, width);
            double high = pairTurning(betaSlow, theta, width);
            low = Math.max(truncate ? Math.floor(low) : low, 0);
            high = Math.min(truncate ? Math.ceil(high) : high, width - 1);
            if (low == high) {
                high += 0.001;
            }
            float[] kept = Rotary.plain(theta, width);
            for (int i = 0; i < kept.length; i++) {
                float ramp = (float) Math.clamp((i - low) / (high - low), 0, 1);
                kept[i] = kept[i] / (float) factor * ramp + kept[i] * (1 - ramp);
            }
            return kept;
        }

        /** The pair, as a fraction, that turns {@code turns} times within the trained length. */
        private double pairTurning(double turns, double theta, int width) {
            return width * Math.log(trained / (turns * 2 * Math.PI)) / (2 * Math.log(theta));
        }
    }

    /** Phi-3: a stretch for each pair, one list for short and one for long sequences. */
    record LongRope(float[] shortStretch, float[] longStretch, float magnitude, int trained) implements RotaryScaling {
        @Override
        public float[] frequencies(double theta, int width, int longest) {
            return Rotary.stretched(theta, width, longest > trained ? longStretch : shortStretch);
        }

        @Override
        public int regime(int longest) {
            return longest > trained ? 1 : 0;
        }
    }
}
