package dev.lowrank.engine.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RandomModelTest {
    private static final String MATRIX = "model.layers.1.mlp.gate_proj.weight";

    private final RandomModel model = new RandomModel(Shape.TINY_5M, 3);

    /** As transformers counts them. */
    @ParameterizedTest
    @CsvSource({
        "TINY_5M, 5475584",
        "SMOLLM2_135M, 134515008",
        "SMOLLM2_360M, 361821120",
        "QWEN25_05B, 494005120",
        "LLAMA32_1B, 1235814400"
    })
    void shapesHaveTheSizesOfTheirModels(Shape shape, long parameters) {
        RandomModel random = new RandomModel(shape, 0);
        assertThat(random.tensorNames().stream()
                        .mapToLong(name -> Arrays.stream(random.shape(name)).reduce(1, Math::multiplyExact))
                        .sum())
                .isEqualTo(parameters);
    }

    @Test
    void aPartOfAMatrixIsThatPartOfTheWhole() {
        float[] whole = read(MATRIX, 0, 704 * 256);
        assertThat(read(MATRIX, 16_000, 20_000)).containsExactly(Arrays.copyOfRange(whole, 16_000, 36_000));
        assertThat(read(MATRIX, 704 * 256 - 1, 1)).containsExactly(whole[704 * 256 - 1]);
    }

    @Test
    void matricesAreNormalAndNormsAreOne() {
        float[] values = read(MATRIX, 0, 704 * 256);
        double squares = 0;
        double sum = 0;
        for (float value : values) {
            sum += value;
            squares += value * value;
        }
        assertThat(sum / values.length).isCloseTo(0, within(1e-3));
        assertThat(Math.sqrt(squares / values.length)).isCloseTo(0.02, within(2e-4));
        assertThat(read("model.norm.weight", 0, 256)).containsOnly(1);
    }

    @Test
    void seedAndNameDecide() {
        assertThat(read(MATRIX, 0, 8)).isNotEqualTo(read(MATRIX.replace('1', '2'), 0, 8));
        float[] other = new float[8];
        new RandomModel(Shape.TINY_5M, 4).readFloats(MATRIX, 0, 8, other);
        assertThat(other).isNotEqualTo(read(MATRIX, 0, 8));
    }

    private float[] read(String name, long from, int count) {
        float[] values = new float[count];
        model.readFloats(name, from, count, values);
        return values;
    }
}
