package dev.lowrank.engine.data;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BatchOrderTest {
    @Test
    void withoutShufflingEveryEpochIsTheOrderOfTheFile() {
        assertThat(new BatchOrder(4, false, 7).epoch(3)).containsExactly(0, 1, 2, 3);
    }

    @Test
    void shuffledEpochHoldsEachRowOnceInAnotherOrder() {
        int[] epoch = new BatchOrder(1000, true, 7).epoch(0);
        int[] identity = IntStream.range(0, 1000).toArray();
        assertThat(epoch).isNotEqualTo(identity);
        int[] sorted = epoch.clone();
        Arrays.sort(sorted);
        assertThat(sorted).isEqualTo(identity);
    }

    @Test
    void orderDependsOnSeedAndEpochAlone() {
        BatchOrder order = new BatchOrder(50, true, 7);
        int[] second = order.epoch(1);
        assertThat(new BatchOrder(50, true, 7).epoch(1)).isEqualTo(second);
        assertThat(order.epoch(0)).isNotEqualTo(second);
        assertThat(new BatchOrder(50, true, 8).epoch(1)).isNotEqualTo(second);
    }

    /** Computed from the written definition, outside of this code: checkpoints rely on it. */
    @Test
    void orderStaysTheSameFromVersionToVersion() {
        assertThat(new BatchOrder(8, true, 42).epoch(0)).containsExactly(2, 7, 6, 0, 1, 4, 5, 3);
    }

    @Test
    void everyRowComesToEveryPlaceAboutEquallyOften() {
        int[][] counts = new int[5][5];
        for (int seed = 0; seed < 5000; seed++) {
            int[] epoch = new BatchOrder(5, true, seed).epoch(0);
            for (int place = 0; place < 5; place++) {
                counts[epoch[place]][place]++;
            }
        }
        assertThat(Arrays.stream(counts).flatMapToInt(Arrays::stream)).allMatch(n -> n > 850 && n < 1150);
    }

    @Test
    void noRowsAndOneRowAreFine() {
        assertThat(new BatchOrder(0, true, 1).epoch(0)).isEmpty();
        assertThat(new BatchOrder(1, true, 1).epoch(5)).containsExactly(0);
    }
}
