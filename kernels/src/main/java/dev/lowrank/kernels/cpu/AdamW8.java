package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.lowrank.kernels.AdamW8State;
import dev.lowrank.kernels.AdamWStep;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.shapes.OptimizerShapes;
import java.lang.foreign.MemorySegment;

/**
 * The AdamW update with block-wise 8-bit state. A block is brought into arrays, worked on in fp32, and its averages
 * coded again. What all elements share is computed in double and rounded once.
 */
final class AdamW8 {
    private static final int BLOCK = AdamW8State.BLOCK;
    private static final DynamicMap SIGNED = DynamicMap.SIGNED;
    private static final DynamicMap UNSIGNED = DynamicMap.UNSIGNED;
    private static final int ZERO_SIGNED = 127;

    private final Team team;

    /** The shared numbers of one update. */
    private record Rates(float beta1, float beta2, float epsilon, float step, float keep) {}

    /** One thread's block. */
    private record Block(float[] p, float[] g, float[] m, float[] v) {
        Block() {
            this(new float[BLOCK], new float[BLOCK], new float[BLOCK], new float[BLOCK]);
        }
    }

    AdamW8(Team team) {
        this.team = team;
    }

    void run(Tensor parameter, Tensor gradient, AdamW8State state, AdamWStep step) {
        OptimizerShapes.adamW8bit(parameter, gradient, state, step);
        long size = parameter.size();
        double correction1 = 1 - StrictMath.pow(step.beta1(), step.step());
        double correction2 = Math.sqrt(1 - StrictMath.pow(step.beta2(), step.step()));
        Rates rates = new Rates(
                (float) step.beta1(),
                (float) step.beta2(),
                (float) (step.epsilon() * correction2),
                (float) (step.learningRate() * correction2 / correction1),
                (float) (1 - step.learningRate() * step.weightDecay()));
        team.rows(Math.ceilDiv(size, BLOCK), BLOCK, (from, to) -> {
            Block block = new Block();
            for (long b = from; b < to; b++) {
                int count = (int) Math.min(BLOCK, size - b * BLOCK);
                update(parameter.data(), gradient.data(), state, rates, b, count, block);
            }
        });
    }

    private static void update(
            MemorySegment parameter,
            MemorySegment gradient,
            AdamW8State state,
            Rates rates,
            long b,
            int count,
            Block block) {
        long at = b * BLOCK;
        MemorySegment.copy(parameter, JAVA_FLOAT, at * Float.BYTES, block.p, 0, count);
        MemorySegment.copy(gradient, JAVA_FLOAT, at * Float.BYTES, block.g, 0, count);
        decode(SIGNED, state.m().data(), at, Lanes.get(state.mScale().data(), b), block.m, count);
        decode(UNSIGNED, state.v().data(), at, Lanes.get(state.vScale().data(), b), block.v, count);
        average(block.g, block.m, block.v, rates, count);
        move(block.p, block.g, block.m, block.v, rates, count);
        MemorySegment.copy(block.p, 0, parameter, JAVA_FLOAT, at * Float.BYTES, count);
        Lanes.set(state.mScale().data(), b, encodeSigned(block.m, state.m().data(), at, count));
        Lanes.set(state.vScale().data(), b, encodeUnsigned(block.v, state.v().data(), at, count));
    }

    private static void decode(DynamicMap map, MemorySegment codes, long at, float scale, float[] values, int count) {
        for (int i = 0; i < count; i++) {
            values[i] = map.value(Byte.toUnsignedInt(codes.get(JAVA_BYTE, at + i))) * scale;
        }
    }

    private static void average(float[] g, float[] m, float[] v, Rates r, int count) {
        float blend1 = 1 - r.beta1;
        float blend2 = 1 - r.beta2;
        for (int i = 0; i < count; i++) {
            boolean finite = Math.abs(g[i]) <= Float.MAX_VALUE;
            m[i] = finite ? m[i] * r.beta1 + blend1 * g[i] : 0;
            // A square beyond fp32 counts as the largest number, whose code can be read back.
            v[i] = finite ? Math.min(v[i] * r.beta2 + blend2 * g[i] * g[i], Float.MAX_VALUE) : 0;
        }
    }

    private static void move(float[] p, float[] g, float[] m, float[] v, Rates r, int count) {
        for (int i = 0; i < count; i++) {
            float denominator = (float) Math.sqrt(v[i]) + r.epsilon;
            float moved = (p[i] - r.step * (m[i] / denominator)) * r.keep;
            p[i] = Math.abs(g[i]) <= Float.MAX_VALUE ? moved : p[i];
        }
    }

    private static float encodeSigned(float[] values, MemorySegment codes, long at, int count) {
        float largest = largest(values, count);
        for (int i = 0; i < count; i++) {
            int code = largest == 0 ? ZERO_SIGNED : SIGNED.code(values[i] / largest);
            if (largest != 0 && isNegative(SIGNED.value(code)) != isNegative(values[i])) {
                code += values[i] > 0 ? 1 : -1;
            }
            codes.set(JAVA_BYTE, at + i, (byte) code);
        }
        return largest;
    }

    private static float encodeUnsigned(float[] values, MemorySegment codes, long at, int count) {
        float largest = largest(values, count);
        for (int i = 0; i < count; i++) {
            codes.set(JAVA_BYTE, at + i, (byte) (largest == 0 ? 0 : UNSIGNED.code(values[i] / largest)));
        }
        return largest;
    }

    private static float largest(float[] values, int count) {
        float largest = 0;
        for (int i = 0; i < count; i++) {
            largest = Math.max(largest, Math.abs(values[i]));
        }
        return largest;
    }

    /** By the sign bit, which minus zero has too. */
    private static boolean isNegative(float x) {
        return Float.floatToRawIntBits(x) < 0;
    }
}
