package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

abstract class RowSumsTest {
    private final Arena arena = Arena.ofConfined();
    private final Random random = new Random(11);
    private final Bf16Matmul.Part part = new Bf16Matmul.Part();
    private RowSums sums;

    /** What is tested; the test is left out where the processor cannot do it. */
    abstract RowSums make(Bf16Matmul.Part part);

    @BeforeEach
    void makes() {
        sums = make(part);
    }

    @AfterEach
    void close() {
        if (sums != null) {
            sums.close();
        }
        part.close();
        arena.close();
    }

    static Stream<Arguments> shapes() {
        return IntStream.of(1, 3, 16, 17, 40)
                .boxed()
                .flatMap(rank -> IntStream.of(1, 31, 64, 100, 576)
                        .boxed()
                        .flatMap(n -> IntStream.of(1, 16, 33, 256).mapToObj(m -> Arguments.of(m, rank, n))));
    }

    /** Two strips after each other; their last elements are followed by what is no number. */
    @ParameterizedTest
    @MethodSource("shapes")
    void stripsAreSummedOverTheirRows(int m, int rank, int n) {
        MemorySegment sum = arena.allocate(RowSums.bytes(rank, n), 64);
        sum.fill((byte) -1);
        double[] expected = new double[rank * n];
        for (int strip = 0; strip < 2; strip++) {
            int rows = strip == 0 ? m : (m + 1) / 2;
            MemorySegment thin = random(rows * rank);
            MemorySegment wide = random(rows * n);
            sums.add(rows, rank, thin, n, wide, sum, strip > 0);
            for (int i = 0; i < rows; i++) {
                for (int r = 0; r < rank; r++) {
                    for (int c = 0; c < n; c++) {
                        expected[r * n + c] += (double) get(thin, i * rank + r) * get(wide, i * n + c);
                    }
                }
            }
        }
        sums.order(sum, rank, n, 0, n);
        for (int r = 0; r < rank; r++) {
            for (int c = 0; c < n; c++) {
                assertThat(sum.getAtIndex(JAVA_FLOAT, (long) r * RowSums.stride(n) + c))
                        .as("[%d, %d]", r, c)
                        .isCloseTo((float) expected[r * n + c], within(1e-5f * m));
            }
        }
    }

    @Test
    void columnsAreOrderedPartByPart() {
        MemorySegment thin = random(16 * 16);
        MemorySegment wide = random(16 * 128);
        MemorySegment whole = arena.allocate(RowSums.bytes(16, 128), 64);
        MemorySegment parts = arena.allocate(RowSums.bytes(16, 128), 64);
        for (MemorySegment sum : new MemorySegment[] {whole, parts}) {
            sums.add(16, 16, thin, 128, wide, sum, false);
        }
        sums.order(whole, 16, 128, 0, 128);
        sums.order(parts, 16, 128, 96, 128);
        sums.order(parts, 16, 128, 0, 96);
        assertThat(parts.mismatch(whole)).isEqualTo(-1);
    }

    /** BF16, with NaN behind them. */
    private MemorySegment random(int count) {
        MemorySegment memory = arena.allocate((count + 64L) * Short.BYTES, 64);
        memory.fill((byte) -1);
        for (int i = 0; i < count; i++) {
            Floats.narrow((float) random.nextGaussian(), memory, i);
        }
        return memory;
    }

    private static float get(MemorySegment half, long at) {
        return Float.intBitsToFloat(half.getAtIndex(JAVA_SHORT, at) << 16);
    }
}
