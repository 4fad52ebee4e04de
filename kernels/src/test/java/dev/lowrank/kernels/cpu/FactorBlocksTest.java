package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FactorBlocksTest {
    /** What is behind the source must not be read, and what lay in the target must not stay. */
    @ParameterizedTest
    @CsvSource({"64, 16", "16, 64", "64, 8", "8, 96", "96, 40", "40, 96", "33, 5", "5, 33", "1, 1", "2, 31", "70, 24"})
    void blocksAreThoseOfThePackedMatrix(int k, int n) {
        Random random = new Random(3);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment source = arena.allocate((long) k * n * Float.BYTES, 64);
            for (int i = 0; i < k * n; i++) {
                source.setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
            }
            FactorBlocks blocks = new FactorBlocks(arena.allocate(FactorBlocks.BYTES, 64));
            MemorySegment rounded = arena.allocate(PackedMatrix.BLOCK_BYTES, 64);
            for (boolean transposed : new boolean[] {false, true}) {
                PackedMatrix expected = full(arena, k, n);
                PackedMatrix actual = full(arena, k, n);
                for (int i = 0; i < PackedMatrix.blocks(k) * PackedMatrix.blocks(n); i++) {
                    expected.fillBlock(i, source, 0.3f, transposed, rounded);
                    blocks.fill(actual, i, source, 0.3f, transposed);
                }
                assertThat(actual.data().mismatch(expected.data()))
                        .as("transposed %s", transposed)
                        .isEqualTo(-1);
            }
        }
    }

    private static PackedMatrix full(Arena arena, int k, int n) {
        MemorySegment data = arena.allocate(PackedMatrix.bytes(k, n), 64);
        data.fill((byte) -1);
        return new PackedMatrix(data, k, n, k);
    }
}
