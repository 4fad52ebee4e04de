package dev.lowrank.local.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SparklineTest {
    @Test
    void fallsFromTheHighestToTheLowest() {
        assertThat(Sparkline.of(List.of(8.0, 4.0, 1.0), 10)).isEqualTo("█▄▁");
    }

    @Test
    void manyValuesAreAveragedIntoTheWidth() {
        List<Double> values = IntStream.range(0, 800).mapToObj(i -> (double) i).toList();
        assertThat(Sparkline.of(values, 8)).isEqualTo("▁▂▃▄▅▆▇█");
    }

    @Test
    void equalValuesLieFlat() {
        assertThat(Sparkline.of(List.of(2.0, 2.0), 5)).isEqualTo("▁▁");
    }

    @Test
    void noValuesDrawNothing() {
        assertThat(Sparkline.of(List.of(), 5)).isEmpty();
    }
}
