package dev.lowrank.engine.model;

import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.Workspace;

/**
 * Cosine and sine of every position's angles: pair i of a head of width D turns by {@code p * theta^(-2i/D)} at
 * position p. As the reference does it, frequencies and angles are rounded to fp32.
 *
 * @param cos [P, D/2]; {@code sin} likewise
 */
record RotaryTables(Tensor cos, Tensor sin) {
    static RotaryTables of(LlamaConfig config, int positions, Kernels kernels, Workspace workspace) {
        int half = config.headWidth() / 2;
        float[] cos = new float[Math.multiplyExact(positions, half)];
        float[] sin = new float[cos.length];
        for (int i = 0; i < half; i++) {
            float frequency = 1f / (float) Math.pow(config.ropeTheta(), 2.0 * i / config.headWidth());
            for (int p = 0; p < positions; p++) {
                float angle = p * frequency;
                cos[p * half + i] = (float) Math.cos(angle);
                sin[p * half + i] = (float) Math.sin(angle);
            }
        }
        Tensor cosines = workspace.take(positions, half);
        Tensor sines = workspace.take(positions, half);
        kernels.upload(cos, 0, cosines);
        kernels.upload(sin, 0, sines);
        return new RotaryTables(cosines, sines);
    }
}
