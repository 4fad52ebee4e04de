package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The machine code gives the bits of the Vector API. */
class CodedLogitsTest {
    private static final int STRIDE = 272;
    private static final int ROWS = 5;

    private final Arena arena = Arena.ofConfined();
    private final Random random = new Random(3);

    @BeforeEach
    void needsInstructions() {
        assumeTrue(CodedLogits.works(), "This processor does not round to bf16, or code cannot be written for it.");
    }

    @AfterEach
    void close() {
        arena.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 31, 32, 33, 100, 256})
    void aTileIsThatOfTheVectorApi(int words) {
        Result expected = run(new VectorLogits(0), words);
        Result actual = run(new CodedLogits(), words);
        assertThat(actual.largest.mismatch(expected.largest)).isEqualTo(-1);
        assertThat(actual.sums.mismatch(expected.sums)).isEqualTo(-1);
        assertThat(actual.logits.mismatch(expected.logits)).isEqualTo(-1);
    }

    @Test
    void theLargestOfEarlierTilesIsTheShift() {
        Result result = run(new CodedLogits(), 64);
        for (int i = 0; i < ROWS; i++) {
            assertThat(Lanes.get(result.largest, i)).isGreaterThanOrEqualTo(earlier(i));
        }
        assertThat(Lanes.get(result.largest, 1)).isEqualTo(earlier(1));
        assertThat(Lanes.get(result.sums, 1)).isLessThan(1);
    }

    @Test
    void aNaNShowsInTheSumOfItsRowAlone() {
        MemorySegment logits = logits();
        Lanes.set(logits, 2 * STRIDE + 7, Float.NaN);
        Result result = run(new CodedLogits(), logits, 64);
        for (int i = 0; i < ROWS; i++) {
            assertThat(Float.isNaN(Lanes.get(result.sums, i))).isEqualTo(i == 2);
        }
    }

    private record Result(MemorySegment logits, MemorySegment largest, MemorySegment sums) {}

    private Result run(LogitPass pass, int words) {
        random.setSeed(3);
        return run(pass, logits(), words);
    }

    private Result run(LogitPass pass, MemorySegment logits, int words) {
        Result result =
                new Result(logits, arena.allocate(ROWS * Float.BYTES, 64), arena.allocate(ROWS * Float.BYTES, 64));
        for (int i = 0; i < ROWS; i++) {
            Lanes.set(result.largest, i, earlier(i));
        }
        pass.run(new LogitPass.Tile(logits, STRIDE, ROWS, words), result.largest, result.sums, logits);
        return result;
    }

    /** Nothing yet, or more or less than what is to come. */
    private static float earlier(int row) {
        return row == 0 ? Float.NEGATIVE_INFINITY : row == 1 ? 90 : -1;
    }

    /** From numbers without an exponential to large ones. */
    private MemorySegment logits() {
        MemorySegment logits = arena.allocate((long) ROWS * STRIDE * Float.BYTES, 64);
        for (int i = 0; i < ROWS * STRIDE; i++) {
            Lanes.set(logits, i, (float) random.nextGaussian() * (i % 3 == 0 ? 30 : 3));
        }
        return logits;
    }
}
