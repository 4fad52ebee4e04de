package dev.lowrank.engine.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.data.Example;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class HeaviestBatchesTest {
    private static RowLengths lengths(int... tokens) {
        return RowLengths.of(Dataset.of(Arrays.stream(tokens)
                .mapToObj(length -> new Example(new int[length], new int[length]))
                .toList()));
    }

    @Test
    void aBatchThatAnotherExceedsInEverythingIsLeftOut() {
        List<int[]> heaviest = HeaviestBatches.judged(lengths(3, 4, 9, 9, 2, 8), 2);
        assertThat(heaviest).containsExactly(new int[] {2, 3});
    }

    @Test
    void theLongestSequenceCountsBesideTheMostTokens() {
        List<int[]> heaviest = HeaviestBatches.judged(lengths(9, 9, 2, 12, 5), 2);
        assertThat(heaviest).containsExactly(new int[] {0, 1}, new int[] {2, 3});
    }

    @Test
    void equalBatchesAreLookedAtOnce() {
        assertThat(HeaviestBatches.judged(lengths(5, 5, 5, 5), 2)).containsExactly(new int[] {0, 1});
    }
}
