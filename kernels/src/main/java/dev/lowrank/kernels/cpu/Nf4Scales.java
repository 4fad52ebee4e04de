package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * The second quantization: scales less their mean, in blocks, to the signed dynamic map. The code is looked up as
 * bitsandbytes 0.50 does on a CPU, in 65,536 equal bins over [-1, 1]. Near zero a bin spans several codes, so this is
 * not always the nearest one; a GPU's bytes differ there.
 */
final class Nf4Scales {
    private static final int BINS = 1 << 16;
    private static final byte[] CODE_OF_BIN = codesOfBins();

    private Nf4Scales() {}

    /** @param scales of all blocks; overwritten */
    static void quantize(float[] scales, Nf4.Nested target) {
        float offset = CascadeMean.of(scales);
        target.offset().data().set(JAVA_FLOAT, 0, offset);
        MemorySegment.copy(DynamicMap.SIGNED.values(), 0, target.map().data(), JAVA_FLOAT, 0, Nf4.MAP_SIZE);
        for (int i = 0; i < scales.length; i++) {
            scales[i] -= offset;
        }
        MemorySegment codes = target.codes().data();
        MemorySegment nested = target.scale().data();
        for (int from = 0, b = 0; from < scales.length; from += target.block(), b++) {
            int to = Math.min(scales.length, from + target.block());
            Lanes.set(nested, b, quantizeBlock(scales, from, to, codes));
        }
    }

    private static float quantizeBlock(float[] scales, int from, int to, MemorySegment codes) {
        float absmax = 0;
        for (int i = from; i < to; i++) {
            absmax = Math.max(absmax, Math.abs(scales[i]));
        }
        if (absmax == 0) {
            codes.asSlice(from, to - from).fill((byte) 0);
            return 0;
        }
        float inverse = 1 / absmax;
        for (int i = from; i < to; i++) {
            codes.set(JAVA_BYTE, i, CODE_OF_BIN[bin(scales[i] * inverse)]);
        }
        return absmax;
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

    /** The reference's compiler joins the last product and sum into one rounding. */
    private static int bin(float x) {
        float inside = Math.clamp(x, -1, 1);
        return (int) Math.fma((inside + 1) * 0.5f, BINS - 1, 0.5f);
    }

    private static byte[] codesOfBins() {
        float[] map = DynamicMap.SIGNED.values();
        byte[] codes = new byte[BINS];
        int code = 0;
        for (int i = 0; i < BINS; i++) {
            float x = -1 + 2f * i / (BINS - 1);
            while (code < map.length - 1 && 0.5f * (map[code] + map[code + 1]) < x) {
                code++;
            }
            codes[i] = (byte) code;
        }
        return codes;
    }
}
