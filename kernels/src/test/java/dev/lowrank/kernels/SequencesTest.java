package dev.lowrank.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SequencesTest {
    @Test
    void pairsAreTheKeysThatQueriesSee() {
        assertThat(Sequences.ofStarts(new int[] {0, 3, 3, 7}).pairs(0)).isEqualTo(1 + 2 + 3 + 1 + 2 + 3 + 4);
        assertThat(Sequences.ofStarts(new int[] {0, 4}).pairs(2)).isEqualTo(1 + 2 + 2 + 2);
        assertThat(new Sequences(new int[] {0, 2}, new int[] {0, 5}).pairs(0)).isEqualTo(4 + 5);
    }
}
