package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The machine code gives what the Vector API gives. */
class CodedScoresTest {
    private static final int STRIDE = 272;
    private static final int ROWS = 8;
    private static final long RUN = ROWS / 2 * 32;
    private static final ScorePasses[] PASSES =
            CodedScores.works() ? new ScorePasses[] {new VectorScores(), new CodedScores()} : new ScorePasses[0];
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

    /** Rows that see all, a beginning, an end or a single key. */
    @ParameterizedTest
    @ValueSource(ints = {32, 64, 256})
    void exponentialsAreThoseOfTheVectorApi(int keys) {
        for (boolean odd : new boolean[] {false, true}) {
            MemorySegment[] s = twice(scores(odd));
            ScoreRows[] rows = rows(keys);
            for (int i = 0; i < 2; i++) {
                PASSES[i].exponentials(new ScorePasses.Block(s[i], STRIDE, ROWS - 1, keys), rows[i], 0.7f);
            }
            for (int row = 0; row < ROWS - 1; row++) {
                assertSame(s[0], s[1], 2L * row * STRIDE, keys);
                assertThat(rows[1].delta(row)).isCloseTo(rows[0].delta(row), withinPercentage(1e-4));
                if (!Float.isNaN(rows[0].delta(row))) {
                    assertThat(rows[1].shift(row)).isEqualTo(rows[0].shift(row));
                }
            }
            long behind = (ROWS - 1L) * STRIDE * Float.BYTES;
            assertThat(s[1].asSlice(behind).mismatch(s[0].asSlice(behind))).isEqualTo(-1);
        }
    }

    /** A tile in the middle of what rows see, at its beginning and at its end; and a row that sees none of it. */
    @ParameterizedTest
    @CsvSource({"0, 32, 256", "0, 256, 256", "64, 64, 256", "192, 128, 256", "64, 64, 1"})
    void gradientsAreThoseOfTheVectorApi(int first, int keys, int seen) {
        for (boolean odd : new boolean[] {false, true}) {
            MemorySegment[] s = twice(scores(odd));
            MemorySegment[] dP = twice(scores(false));
            MemorySegment[] p = twice(scores(false));
            MemorySegment[] dS = twice(scores(false));
            ScoreRows rows = rows(256)[0];
            rows.sees(2, 0, 0);
            if (seen == 1) {
                rows.clear();
            }
            for (int row = 0; row < ROWS; row++) {
                if (seen == 1) {
                    rows.sees(row, first, first + keys);
                }
                rows.shift(row, -0.5f * row);
                rows.delta(row, 0.25f - 0.125f * row);
            }
            for (int i = 0; i < 2; i++) {
                PASSES[i].gradients(
                        new ScorePasses.Block(s[i], STRIDE, ROWS - 2, keys),
                        rows,
                        first,
                        0.7f,
                        dP[i],
                        p[i],
                        dS[i],
                        RUN);
            }
            assertSame(p[0], p[1], 0, ROWS * STRIDE * 2);
            assertSame(dS[0], dS[1], 0, ROWS * STRIDE * 2);
            for (int row = 0; row < ROWS - 2; row++) {
                assertSame(dP[0], dP[1], 2L * row * STRIDE, keys);
            }
        }
    }

    /** Twice the same. */
    private ScoreRows[] rows(int keys) {
        ScoreRows[] both = {new ScoreRows(ROWS), new ScoreRows(ROWS)};
        for (int row = 0; row < ROWS; row++) {
            int begin = row % 3 == 0 ? 0 : random.nextInt(keys);
            int end = row % 3 == 1 || row == 0 ? keys : begin + 1 + random.nextInt(keys - begin);
            for (ScoreRows rows : both) {
                rows.sees(row, begin, end);
            }
        }
        return both;
    }

    /** BF16 numbers, equal; a difference of fp32 in the last bit may round to a neighbour. */
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
