package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.codes.NestedScales;
import java.lang.foreign.MemorySegment;

/** The scales of a weight in 4 bits: one for each block, or quantized themselves. */
final class Nf4Scales {
    private Nf4Scales() {}

    /** @param scales of all blocks */
    static void quantize(float[] scales, Nf4.Nested target) {
        NestedScales quantized = NestedScales.of(scales, target.block());
        target.offset().data().set(JAVA_FLOAT, 0, quantized.offset());
        MemorySegment.copy(NestedScales.map(), 0, target.map().data(), JAVA_FLOAT, 0, Nf4.MAP_SIZE);
        MemorySegment.copy(quantized.codes(), 0, target.codes().data(), JAVA_BYTE, 0, scales.length);
        float[] nested = quantized.scales();
        MemorySegment.copy(nested, 0, target.scale().data(), JAVA_FLOAT, 0, nested.length);
    }

    /** The scale of block b. */
    static float of(Nf4 weight, long b) {
        Tensor absmax = weight.absmax();
        if (absmax != null) {
            return Lanes.get(absmax.data(), b);
        }
        Nf4.Nested nested = weight.nested();
        if (nested != null) {
            return of(nested, b);
        }
        throw new IllegalStateException("An NF4 weight has no scales.");
    }

    private static float of(Nf4.Nested nested, long b) {
        int code = Byte.toUnsignedInt(nested.codes().data().get(JAVA_BYTE, b));
        return Lanes.get(nested.map().data(), code) * Lanes.get(nested.scale().data(), b / nested.block())
                + Lanes.get(nested.offset().data(), 0);
    }
}
