package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class TranspositionTest {
    @Test
    void putsRowsForColumns() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment source = arena.allocate(JAVA_INT, 1000);
            MemorySegment target = arena.allocate(JAVA_INT, 1000);
            for (int i = 0; i < 1000; i++) {
                source.setAtIndex(JAVA_INT, i, i);
                target.setAtIndex(JAVA_INT, i, -1);
            }
            Transposition.run(source, 5, 24, target, 3, 17);
            for (int i = 0; i < 16; i++) {
                for (int j = 0; j < 16; j++) {
                    assertThat(target.getAtIndex(JAVA_INT, 3 + j * 17 + i)).isEqualTo(5 + i * 24 + j);
                }
                assertThat(target.getAtIndex(JAVA_INT, 3 + i * 17 + 16)).isEqualTo(-1);
            }
        }
    }
}
