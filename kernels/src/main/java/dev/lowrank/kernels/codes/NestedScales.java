package dev.lowrank.kernels.codes;

/**
 * The second quantization of an NF4 weight: its scales less their mean, in blocks, to the signed dynamic map. The code is
 * looked up as bitsandbytes 0.50 does on a CPU, in 65,536 equal bins over [-1, 1]. Near zero a bin spans several codes, so
 * this is not always the nearest one; a GPU's bytes differ there.
 *
 * @param codes one for each scale
 * @param scales one for each block of codes, the largest magnitude in it
 * @param offset the mean
 */
public record NestedScales(byte[] codes, float[] scales, float offset) {
    private static final int BINS = 1 << 16;
    private static final byte[] CODE_OF_BIN = codesOfBins();

    /**
     * Quantizes the scales of all blocks of a weight.
     *
     * @param block scales to a nested scale
     */
    public static NestedScales of(float[] scales, int block) {
        float offset = CascadeMean.of(scales);
        float[] centred = new float[scales.length];
        for (int i = 0; i < scales.length; i++) {
            centred[i] = scales[i] - offset;
        }
        byte[] codes = new byte[scales.length];
        float[] nested = new float[Math.ceilDiv(scales.length, block)];
        for (int b = 0; b < nested.length; b++) {
            nested[b] = block(centred, b * block, Math.min(scales.length, (b + 1) * block), codes);
        }
        return new NestedScales(codes, nested, offset);
    }

    /** What each code stands for. */
    public static float[] map() {
        return DynamicMap.SIGNED.values();
    }

    private static float block(float[] scales, int from, int to, byte[] codes) {
        float absmax = 0;
        for (int i = from; i < to; i++) {
            absmax = Math.max(absmax, Math.abs(scales[i]));
        }
        float inverse = 1 / absmax;
        for (int i = from; i < to && absmax != 0; i++) {
            codes[i] = CODE_OF_BIN[bin(scales[i] * inverse)];
        }
        return absmax;
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
