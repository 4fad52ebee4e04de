package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The machine code gives what the Vector API gives, but for the rounding of ties. */
class CodedScoresTest {
    private static final int STRIDE = 272;
    private static final int ROWS = 6;
    private static final long RUN = ROWS / 2 * 32;
    private static final float[] ODD = {Float.NEGATIVE_INFINITY, Float.NaN, -300, -126.5f, -126, 0};

    private final Arena arena = Arena.ofConfined();
    private final Random random = new Random(3);

    @BeforeEach
    void needsInstructions() {
        assumeTrue(CodedScores.works(), "This processor does not round to bf16, or code cannot be written for it.");
    }

    @AfterEach
    void close() {
        arena.close();
    }

    @ParameterizedTest
    @CsvSource({"0, 32", "0, 256", "64, 160", "224, 256"})
    void exponentialsAreThoseOfTheVectorApi(int from, int to) {
        for (boolean odd : new boolean[] {false, true}) {
            MemorySegment expected = scores(odd);
            MemorySegment actual = copy(expected);
            long row = 2 * STRIDE;
            float sum = new VectorScores().exponentials(expected, row, from, to, 0.7f, 1.5f);
            assertThat(new CodedScores().exponentials(actual, row, from, to, 0.7f, 1.5f))
                    .satisfies(actualSum -> assertThat(
                                    Float.isNaN(sum)
                                            ? Float.isNaN(actualSum)
                                            : Math.abs(actualSum - sum) <= sum * 1e-6f)
                            .isTrue());
            assertSame(expected, actual, row * 2 + from, to - from);
            assertThat(actual.asSlice(0, row * 4).mismatch(expected.asSlice(0, row * 4)))
                    .isEqualTo(-1);
            assertThat(actual.asSlice((row + to) * 4).mismatch(expected.asSlice((row + to) * 4)))
                    .isEqualTo(-1);
        }
    }

    @ParameterizedTest
    @CsvSource({"0, 32", "0, 256", "64, 160", "224, 256"})
    void gradientsAreThoseOfTheVectorApi(int from, int to) {
        for (boolean odd : new boolean[] {false, true}) {
            MemorySegment s = scores(odd);
            MemorySegment[] dP = twice(scores(false));
            MemorySegment[] p = twice(scores(false));
            MemorySegment[] dS = twice(scores(false));
            ScorePasses.Pair pair = new ScorePasses.Pair(2 * STRIDE, 3 * STRIDE, 1.5f, -0.5f, 0.25f, -0.125f);
            ScorePasses[] passes = {new VectorScores(), new CodedScores()};
            for (int i = 0; i < 2; i++) {
                passes[i].gradients(pair, copy(s), dP[i], from, to, 0.7f, p[i], dS[i], 32, RUN);
            }
            assertSame(p[0], p[1], 0, ROWS * STRIDE * 2);
            assertSame(dS[0], dS[1], 0, ROWS * STRIDE * 2);
            for (long row = 2; row < 4; row++) {
                assertSame(dP[0], dP[1], row * STRIDE * 2 + from, to - from);
            }
        }
    }

    /** BF16 numbers, equal or neighbours. */
    private static void assertSame(MemorySegment expected, MemorySegment actual, long at, int count) {
        for (long i = at; i < at + count; i++) {
            float e = Float.intBitsToFloat(expected.getAtIndex(JAVA_SHORT, i) << 16);
            float a = Float.intBitsToFloat(actual.getAtIndex(JAVA_SHORT, i) << 16);
            if (Float.isNaN(e)) {
                assertThat(a).as("element %d", i).isNaN();
            } else if (e != a) {
                assertThat(a).as("element %d", i).isCloseTo(e, within(Math.abs(e) / 100 + 1e-37f));
            }
        }
    }

    private MemorySegment scores(boolean odd) {
        MemorySegment scores = arena.allocate(ROWS * STRIDE * 4L, 64);
        for (int i = 0; i < ROWS * STRIDE; i++) {
            boolean one = odd && random.nextInt(8) == 0;
            Lanes.set(scores, i, one ? ODD[random.nextInt(ODD.length)] : (float) random.nextGaussian());
        }
        return scores;
    }

    private MemorySegment[] twice(MemorySegment one) {
        return new MemorySegment[] {one, copy(one)};
    }

    private MemorySegment copy(MemorySegment from) {
        return arena.allocate(from.byteSize(), 64).copyFrom(from);
    }
}
