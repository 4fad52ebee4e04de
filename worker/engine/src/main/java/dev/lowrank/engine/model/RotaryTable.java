package dev.lowrank.engine.model;

import dev.lowrank.engine.family.Rotary;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;

/**
 * Cosine and sine of every position's angles. As the reference does it, frequencies and angles are rounded to fp32. Kept
 * for as many positions as were reserved, and filled again when a batch's length changes the frequencies.
 */
final class RotaryTable {
    private final Rotary rotary;
    private final int positions;
    private final Tensor cos;
    private final Tensor sin;
    private int regime = -1;

    RotaryTable(Rotary rotary, int positions, Workspace memory) {
        this.rotary = rotary;
        this.positions = positions;
        cos = memory.take(positions, rotary.pairs());
        sin = memory.take(positions, rotary.pairs());
    }

    /** [P, R/2]. */
    Tensor cos() {
        return cos;
    }

    /** [P, R/2]. */
    Tensor sin() {
        return sin;
    }

    /** Makes the table right for a batch whose longest sequence has {@code longest} tokens. */
    void prepare(int longest, Kernels kernels) {
        if (kernels.computes() && regime != rotary.regime(longest)) {
            regime = rotary.regime(longest);
            fill(rotary.frequencies(longest), kernels);
        }
    }

    private void fill(float[] frequencies, Kernels kernels) {
        int pairs = frequencies.length;
        float[] cosines = new float[Math.multiplyExact(positions, pairs)];
        float[] sines = new float[cosines.length];
        for (int p = 0; p < positions; p++) {
            for (int i = 0; i < pairs; i++) {
                float angle = p * frequencies[i];
                cosines[p * pairs + i] = (float) Math.cos(angle) * rotary.magnitude();
                sines[p * pairs + i] = (float) Math.sin(angle) * rotary.magnitude();
            }
        }
        kernels.upload(cosines, 0, cos);
        kernels.upload(sines, 0, sin);
    }
}
