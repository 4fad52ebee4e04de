package dev.lowrank.engine.family;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

/** Frequencies of a rotated width of 16 and a trained length of 64, against Hugging Face's own functions. */
class RotaryScalingTest {
    private static final int WIDTH = 16;

    @Test
    void linearDividesEveryFrequency() {
        assertFrequencies(
                new Rotary(10_000, WIDTH, new RotaryScaling.Linear(4)),
                10,
                0.25f,
                0.079056941f,
                0.0250000004f,
                0.00790569466f,
                0.00249999994f,
                0.000790569466f,
                0.000250000012f,
                7.90569466e-05f);
    }

    @Test
    void dynamicGrowsItsBaseBeyondTheTrainedLength() {
        Rotary rotary = new Rotary(10_000, WIDTH, new RotaryScaling.Dynamic(2, 256));
        assertFrequencies(
                rotary,
                300,
                1f,
                0.303157836f,
                0.09190467f,
                0.0278616212f,
                0.00844646804f,
                0.00256061298f,
                0.000776269881f,
                0.000235332293f);
        assertThat(rotary.frequencies(100)).isEqualTo(rotary.frequencies(256));
        assertThat(rotary.regime(100)).isEqualTo(rotary.regime(256)).isNotEqualTo(rotary.regime(300));
    }

    @Test
    void llama3BlendsBetweenKeptAndDividedFrequencies() {
        assertFrequencies(
                new Rotary(500_000, WIDTH, new RotaryScaling.Llama3(8, 1, 4, 64)),
                10,
                1f,
                0.079403013f,
                0.00470075384f,
                0.000911583134f,
                0.000176776681f,
                3.42810235e-05f,
                6.64786967e-06f,
                1.28917316e-06f);
    }

    @Test
    void yarnRampsFromKeptToDividedFrequencies() {
        assertFrequencies(
                new Rotary(10_000, WIDTH, new RotaryScaling.Yarn(4, 1, 32, 1, 64, true)),
                10,
                1f,
                0.237170815f,
                0.049999997f,
                0.00790569466f,
                0.00249999994f,
                0.000790569466f,
                0.000250000012f,
                7.90569466e-05f);
        assertFrequencies(
                new Rotary(10_000, WIDTH, new RotaryScaling.Yarn(40, 1, 16, 2, 64, true)),
                10,
                1f,
                0.162066728f,
                0.00249999994f,
                0.000790569466f,
                0.000250000012f,
                7.90569466e-05f,
                2.49999994e-05f,
                7.90569447e-06f);
    }

    @Test
    void longRopeHasOneStretchForShortAndOneForLongSequences() {
        float[] shorter = new float[8];
        float[] longer = new float[8];
        for (int i = 0; i < 8; i++) {
            shorter[i] = 1 + 0.1f * i;
            longer[i] = 2 + 0.5f * i;
        }
        Rotary rotary = new Rotary(10_000, WIDTH, new RotaryScaling.LongRope(shorter, longer, 1, 64));
        assertFrequencies(
                rotary,
                64,
                1f,
                0.287479758f,
                0.0833333358f,
                0.0243252143f,
                0.00714285718f,
                0.00210818532f,
                0.000624999986f,
                0.000186016332f);
        assertFrequencies(
                rotary,
                65,
                0.5f,
                0.126491114f,
                0.0333333351f,
                0.00903507881f,
                0.00249999994f,
                0.000702728401f,
                0.000199999995f,
                5.74959558e-05f);
    }

    private static void assertFrequencies(Rotary rotary, int longest, float... expected) {
        float[] found = rotary.frequencies(longest);
        assertThat(found).hasSize(expected.length);
        for (int i = 0; i < expected.length; i++) {
            assertThat(found[i]).as("pair " + i).isCloseTo(expected[i], within(2e-6f * expected[i]));
        }
    }
}
