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

/** Scores that become probabilities as they come are those of products and passes one after the other. */
class TileScoresTest {
    private static final int STRIDE = 272;
    private static final float FACTOR = 0.3f;

    private final Arena arena = Arena.ofConfined();
    private final Random random = new Random(5);

    @BeforeEach
    void needsTiles() {
        assumeTrue(TileScores.works(), "This processor has no tiles, or code cannot be written for it.");
    }

    @AfterEach
    void close() {
        arena.close();
    }

    /** Rows see all keys, some at the beginning, some at the end; steps of all kinds. */
    @ParameterizedTest
    @CsvSource({
        "32, 32, 32, all",
        "96, 256, 64, all",
        "64, 128, 96, some",
        "96, 192, 32, some",
        "32, 64, 256, some",
        "128, 256, 128, some"
    })
    void gradientsAreThoseOfProductsAndAPass(int count, int keys, int columns, String seen) {
        MemorySegment q = halves(count, columns);
        MemorySegment dO = halves(count, columns);
        MemorySegment k = halves(keys, columns);
        MemorySegment v = halves(keys, columns);
        ScoreRows rows = rows(count, keys, seen);
        long run = count / 2L * 32;

        MemorySegment s = arena.allocate(4L * count * STRIDE, 64);
        MemorySegment dP = arena.allocate(4L * count * STRIDE, 64);
        MemorySegment p = arena.allocate(2L * count * keys, 64);
        MemorySegment dS = arena.allocate(2L * count * keys, 64);
        product(q, k, s, count, keys, columns);
        product(dO, v, dP, count, keys, columns);
        new CodedScores().gradients(new ScorePasses.Block(s, STRIDE, count, keys), rows, 0, FACTOR, dP, p, dS, run);

        MemorySegment tilesDP = arena.allocate(4L * count * STRIDE, 64);
        MemorySegment tilesP = arena.allocate(2L * count * keys, 64);
        MemorySegment tilesDS = arena.allocate(2L * count * keys, 64);
        new TileScores()
                .gradients(
                        new TileScores.Rows(q, dO, count, columns),
                        new TileScores.Keys(k, v, 0, 0, keys),
                        rows,
                        FACTOR,
                        tilesP,
                        tilesDS,
                        tilesDP,
                        2 * STRIDE);
        assertThat(tilesP.mismatch(p)).isEqualTo(-1);
        assertThat(tilesDS.mismatch(dS)).isEqualTo(-1);
        for (int row = 0; row < count; row++) {
            long at = 4L * row * STRIDE;
            assertThat(tilesDP.asSlice(at, 2L * keys).mismatch(dP.asSlice(at, 2L * keys)))
                    .isEqualTo(-1);
        }
    }

    /** The same without a largest score: rows have a shift. */
    @ParameterizedTest
    @CsvSource({"32, 32, 32, all", "96, 256, 64, all", "64, 128, 96, some", "96, 192, 32, some", "32, 64, 256, some"})
    void exponentialsAreThoseOfProducts(int count, int keys, int columns, String seen) {
        MemorySegment q = halves(count, columns);
        MemorySegment k = halves(keys, columns);
        ScoreRows rows = rows(count, keys, seen);
        MemorySegment s = arena.allocate(4L * count * STRIDE, 64);
        product(q, k, s, count, keys, columns);
        MemorySegment p = arena.allocate(4L * count * STRIDE, 64);
        new TileScores()
                .exponentials(
                        new TileScores.Rows(q, null, count, columns),
                        new TileScores.Keys(k, null, 0, 0, keys),
                        rows,
                        FACTOR,
                        p,
                        2 * STRIDE);
        for (int row = 0; row < count; row++) {
            double sum = 0;
            for (int key = 0; key < keys; key++) {
                boolean visible = rows.begin(row) <= key && key < rows.end(row);
                double score = Lanes.get(s, (long) row * STRIDE + key);
                double expected = visible ? Math.pow(2, FACTOR * score + rows.shift(row)) : 0;
                float actual = half(p, 2L * row * STRIDE + key);
                assertThat((double) actual).as("row %d, key %d", row, key).isCloseTo(expected, within(expected / 250));
                sum += expected;
            }
            assertThat((double) rows.delta(row)).as("sum of row %d", row).isCloseTo(sum, within(sum * 1e-5));
        }
    }

    private ScoreRows rows(int count, int keys, String seen) {
        ScoreRows rows = new ScoreRows(count);
        for (int row = 0; row < count; row++) {
            int begin = seen.equals("all") ? 0 : random.nextInt(keys / 2);
            int end = seen.equals("all") ? keys : begin + 1 + random.nextInt(keys - begin);
            rows.sees(row, begin, end);
            rows.shift(row, (float) random.nextGaussian() - 3);
            rows.delta(row, (float) random.nextGaussian());
        }
        return rows;
    }

    /** {@code S = Q K^T}. */
    private static void product(MemorySegment q, MemorySegment k, MemorySegment s, int rows, int keys, int columns) {
        try (StripProduct product = new TileProduct()) {
            product.run(
                    rows,
                    keys,
                    new StripProduct.Factors(q.address(), columns, k.address(), Bf16Layout.pitch(columns), columns),
                    null,
                    new StripProduct.Target(s.address(), STRIDE, false),
                    false);
        }
    }

    private MemorySegment halves(int rows, int columns) {
        MemorySegment data = arena.allocate(2L * rows * columns, 64);
        for (long i = 0; i < (long) rows * columns; i++) {
            data.setAtIndex(JAVA_SHORT, i, (short) (Float.floatToIntBits((float) random.nextGaussian()) >> 16));
        }
        return data;
    }

    private static float half(MemorySegment data, long at) {
        return Float.intBitsToFloat(data.getAtIndex(JAVA_SHORT, at) << 16);
    }
}
