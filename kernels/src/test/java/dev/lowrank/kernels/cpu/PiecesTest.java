package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PiecesTest {
    private static final int[] UNITS = {5, 0, 7, 1};

    /** By the caller alone, and by all. */
    @ParameterizedTest
    @ValueSource(longs = {1, 1 << 20})
    void everyUnitOfEveryPieceIsDoneOnce(long operations) {
        try (Team team = new Team(3)) {
            Pieces pieces = new Pieces(team);
            AtomicIntegerArray[] done = new AtomicIntegerArray[UNITS.length];
            for (int i = 0; i < UNITS.length; i++) {
                AtomicIntegerArray mine = new AtomicIntegerArray(UNITS[i]);
                done[i] = mine;
                pieces.add(UNITS[i], operations, (part, from, to) -> {
                    for (int unit = (int) from; unit < to; unit++) {
                        mine.incrementAndGet(unit);
                    }
                });
            }
            pieces.run();
            for (int i = 0; i < UNITS.length; i++) {
                for (int unit = 0; unit < UNITS[i]; unit++) {
                    assertThat(done[i].get(unit))
                            .as("unit %d of piece %d", unit, i)
                            .isEqualTo(1);
                }
            }
        }
    }
}
