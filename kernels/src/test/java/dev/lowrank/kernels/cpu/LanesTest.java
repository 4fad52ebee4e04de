package dev.lowrank.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

class LanesTest {
    @Test
    void sumsLanesInTheOrderOfHalves() {
        Random random = new Random(3);
        float[] values = new float[Lanes.WIDTH];
        for (int round = 0; round < 20_000; round++) { // Enough to be compiled on the way.
            for (int i = 0; i < values.length; i++) {
                values[i] = (float) (random.nextGaussian() * Math.exp(5 * random.nextGaussian()));
            }
            FloatVector vector = FloatVector.fromArray(Lanes.F, values, 0);
            assertThat(Lanes.sum(vector)).isEqualTo(halves(values.clone(), Lanes.WIDTH));
            assertThat(Lanes.sum(vector, new float[Lanes.WIDTH])).isEqualTo(Lanes.sum(vector));
        }
    }

    private static float halves(float[] values, int count) {
        if (count == 1) {
            return values[0];
        }
        for (int i = 0; i < count / 2; i++) {
            values[i] += values[i + count / 2];
        }
        return halves(values, count / 2);
    }
}
