package dev.lowrank.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/**
 * What every implementation must do with NF4, to the bit. The twin below follows bitsandbytes' portable path one element
 * at a time; equality with its own files is tested where those can be read.
 */
public abstract class Nf4Contract extends KernelsFixture {
    /** Whole blocks, short last blocks, an odd number of elements, rows that end inside a block. */
    private static final int[][] SHAPES = {
        {1, 64}, {3, 64}, {1, 1}, {1, 63}, {7, 9}, {5, 13}, {80, 60}, {64, 320}, {333, 257}
    };

    private static final float[] CODES = Nf4.codes();

    // --- quantizing ---

    @Test
    void codesAreThoseOfTheFormat() {
        int[] bits = {
            0xbf800000, 0xbf3239b1, 0xbf066b30, 0xbeca32a0, 0xbe91a24d, 0xbe3d353f, 0xbdba7871, 0x00000000,
            0x3da2faff, 0x3e24cae3, 0x3e7c04dd, 0x3ead033a, 0x3ee1a4b8, 0x3f1007ab, 0x3f3913b3, 0x3f800000
        };
        for (int c = 0; c < bits.length; c++) {
            assertThat(Float.floatToRawIntBits(CODES[c])).isEqualTo(bits[c]);
        }
    }

    @Test
    void quantizesLikeThePlainTwin() {
        for (int[] shape : SHAPES) {
            for (int block : new int[] {32, 64, 256, 4096}) {
                float[] weight = Numbers.random(random, shape[0] * shape[1]);
                Nf4 target = Nf4.allocate(memory, shape[0], shape[1], block, 0);
                kernels.quantizeNf4(tensor(weight), target);
                Twin twin = Twin.quantize(weight, block);
                assertThat(bytes(target.packed()))
                        .as("packed of %s in %d", target, block)
                        .isEqualTo(twin.packed);
                assertThat(floats(target.absmax()))
                        .as("absmax of %s in %d", target, block)
                        .isEqualTo(twin.absmax);
            }
        }
    }

    @Test
    void sendsATieToTheLowerCode() {
        for (int c = 0; c < 15; c++) {
            float middle = (CODES[c] + CODES[c + 1]) / 2;
            float[] weight = new float[64];
            weight[0] = -1;
            weight[1] = 1;
            weight[2] = middle;
            weight[3] = Math.nextUp(middle);
            Nf4 target = quantized(weight, 1, 64, false);
            assertThat(bytes(target.packed())[0]).isEqualTo((byte) 0x0F);
            assertThat(bytes(target.packed())[1]).isEqualTo((byte) (c << 4 | c + 1));
        }
    }

    @Test
    void multipliesByTheReciprocalInAWholeBlockAndDividesInAShortOne() {
        // x / a lies on a middle exactly or one step above, depending on which way it is computed.
        float[] pair = productAndQuotientDiffer();
        float[] weight = new float[64 + 2];
        weight[0] = pair[0];
        weight[1] = pair[1];
        weight[64] = pair[0];
        weight[65] = pair[1];
        byte[] packed = bytes(quantized(weight, 1, 66, false).packed());
        assertThat(packed[0] & 15).isEqualTo(Twin.code(pair[1] * (1 / pair[0])));
        assertThat(packed[32] & 15).isEqualTo(Twin.code(pair[1] / pair[0]));
        assertThat(packed[0]).isNotEqualTo(packed[32]);
    }

    private float[] productAndQuotientDiffer() {
        while (true) {
            float a = 1 + random.nextFloat();
            for (int c = 0; c < 15; c++) {
                float x = (CODES[c] + CODES[c + 1]) / 2 * a;
                for (float near : new float[] {Math.nextDown(x), x, Math.nextUp(x)}) {
                    if (Twin.code(near / a) != Twin.code(near * (1 / a))) {
                        return new float[] {a, near};
                    }
                }
            }
        }
    }

    @Test
    void blockOfZerosBecomesZeroAgain() {
        for (boolean doubled : new boolean[] {false, true}) {
            Nf4 target = quantized(new float[128], 2, 64, doubled);
            assertThat(bytes(target.packed())).containsOnly(0x77);
            assertThat(dequantized(target)).containsOnly(0);
        }
    }

    @Test
    void loneLastElementHasTheCodeOfZeroBesideIt() {
        assertThat(bytes(quantized(new float[] {-3}, 1, 1, false).packed())).containsExactly(0x07);
        Nf4 zero = quantized(new float[] {0}, 1, 1, false);
        assertThat(bytes(zero.packed())).containsExactly(0x77);
        assertThat(floats(zero.absmax())).containsExactly(1e-38f);
    }

    @Test
    void keepsDenormalBlocksFinite() {
        float[] weight = new float[64];
        weight[3] = 1e-40f;
        Nf4 target = quantized(weight, 1, 64, false);
        assertThat(floats(target.absmax())).containsExactly(1e-40f);
        assertThat(bytes(target.packed())).isEqualTo(Twin.quantize(weight, 64).packed);
    }

    @Test
    void notANumberStaysInItsBlock() {
        for (int at : new int[] {3, 190}) {
            float[] weight = Numbers.random(random, 3 * 64);
            weight[at] = Float.NaN;
            float[] back = dequantized(quantized(weight, 1, weight.length, false));
            for (int i = 0; i < back.length; i++) {
                assertThat(Float.isNaN(back[i])).as("%d", i).isEqualTo(i / 64 == at / 64);
            }
        }
    }

    // --- double quantization ---

    @Test
    void quantizesScalesAroundTheirMean() {
        for (int[] shape : new int[][] {{1, 64}, {37, 64}, {256, 64}, {257, 64}, {301, 257}}) {
            float[] weight = Numbers.random(random, shape[0] * shape[1]);
            Nf4 target = quantized(weight, shape[0], shape[1], true);
            float[] absmax = Twin.quantize(weight, 64).absmax;
            double mean = 0;
            for (float one : absmax) {
                mean += (double) one / absmax.length;
            }
            Nf4.Nested nested = nested(target);
            float offset = floats(nested.offset())[0];
            assertThat(offset).isCloseTo((float) mean, within((float) mean * 1e-6f));
            float[] largest = new float[Math.ceilDiv(absmax.length, 256)];
            for (int b = 0; b < absmax.length; b++) {
                largest[b / 256] = Math.max(largest[b / 256], Math.abs(absmax[b] - offset));
            }
            assertThat(floats(nested.scale())).isEqualTo(largest);
            float[] scales = scales(target);
            for (int b = 0; b < absmax.length; b++) {
                // Steps are 1.4 % of the largest at its end of the map, and no bin is wider than that.
                assertThat(scales[b]).isCloseTo(absmax[b], within(0.0075f * largest[b / 256] + 1e-6f));
            }
            assertThat(dequantized(target))
                    .isEqualTo(held(Twin.dequantize(bytes(target.packed()), scales, weight.length, 64)));
        }
    }

    @Test
    void doubleQuantizationTakesThePackedBytesOfSingle() {
        float[] weight = Numbers.random(random, 80 * 60);
        assertThat(bytes(quantized(weight, 80, 60, true).packed()))
                .isEqualTo(bytes(quantized(weight, 80, 60, false).packed()));
    }

    // --- dequantizing ---

    @Test
    void dequantizesEveryByteInEveryPlace() {
        for (int[] shape : SHAPES) {
            for (int block : new int[] {32, 64, 256}) {
                Nf4 weight = Nf4.allocate(memory, shape[0], shape[1], block, 0);
                int n = shape[0] * shape[1];
                byte[] packed = new byte[(n + 1) / 2];
                random.nextBytes(packed);
                float[] absmax = Numbers.random(random, Math.ceilDiv(n, block));
                kernels.upload(MemorySegment.ofArray(packed), weight.packed());
                kernels.upload(absmax, 0, present(weight.absmax()));
                assertThat(dequantized(weight)).isEqualTo(held(Twin.dequantize(packed, absmax, n, block)));
            }
        }
    }

    @Test
    void readsTheMapItIsGiven() {
        Nf4 weight = quantized(Numbers.random(random, 64), 1, 64, true);
        Nf4.Nested nested = nested(weight);
        float[] map = new float[256];
        Arrays.fill(map, 0.5f);
        kernels.upload(map, 0, nested.map());
        kernels.upload(new float[] {4}, 0, nested.scale());
        kernels.upload(new float[] {1}, 0, nested.offset());
        assertThat(dequantized(weight))
                .isEqualTo(held(Twin.dequantize(bytes(weight.packed()), new float[] {3}, 64, 64)));
    }

    @Test
    void comesBackWithinHalfAStepOfTheCodes() {
        float[] weight = Numbers.random(random, 100 * 64);
        float[] back = dequantized(quantized(weight, 100, 64, false));
        float rounding = activations() == DType.BF16 ? 0x1p-8f : 0;
        for (int i = 0; i < weight.length; i++) {
            float absmax = 0;
            for (int j = i / 64 * 64; j < i / 64 * 64 + 64; j++) {
                absmax = Math.max(absmax, Math.abs(weight[j]));
            }
            assertThat(back[i])
                    .isCloseTo(weight[i], within(0.1521f * absmax + rounding * absmax)); // The widest step is 0.304.
        }
    }

    // --- sizes ---

    @Test
    void reportsWhatAParameterTakes() {
        Nf4 doubled = Nf4.allocate(memory, 2048, 2048, true);
        assertThat(doubled.bitsPerParameter()).isCloseTo(4.127, within(0.0005));
        assertThat(doubled.bytes()).isEqualTo(2048 * 2048 / 2 + 65536 + 4 * 256 + 4);
        Nf4 single = Nf4.allocate(memory, 2048, 2048, false);
        assertThat(single.bitsPerParameter()).isEqualTo(4.5);
        assertThat(single).hasToString("NF4[2048, 2048] (4.500 bits a parameter)");
        assertThat(single.blocks()).isEqualTo(65536);
    }

    @Test
    void refusesPartsThatDoNotFit() {
        Nf4 weight = Nf4.allocate(memory, 4, 64, false);
        Tensor ninety = memory.take(90);
        Nf4 none = Nf4.allocate(memory, 4, 64, true);
        Tensor packed = weight.packed();
        Tensor absmax = present(weight.absmax());
        Nf4.Nested nested = nested(none);
        Runnable[] calls = {
            () -> kernels.quantizeNf4(ninety, weight),
            () -> kernels.quantizeNf4(packed, weight),
            () -> kernels.dequantizeNf4(weight, ninety),
            () -> kernels.dequantizeNf4(weight, packed),
            () -> kernels.upload(MemorySegment.ofArray(new byte[3]), packed),
            () -> kernels.download(packed, MemorySegment.ofArray(new byte[3])),
            () -> new Nf4(packed, null, null, 4, 64, 64),
            () -> new Nf4(packed, absmax, nested, 4, 64, 64),
            () -> new Nf4(packed, absmax, null, 4, 65, 64),
            () -> new Nf4(packed, absmax, null, 4, 64, 32),
            () -> new Nf4(packed, absmax, null, 4, 64, 48),
            () -> new Nf4(packed, absmax, null, 4, 64, 16),
            () -> new Nf4(packed, packed, null, 4, 64, 64),
            () -> new Nf4(absmax, absmax, null, 4, 64, 64),
            () -> new Nf4.Nested(nested.codes(), nested.scale(), nested.offset(), nested.offset(), 256),
            () -> new Nf4.Nested(nested.codes(), nested.scale(), nested.map(), nested.map(), 256),
            () -> new Nf4.Nested(nested.codes(), nested.map(), nested.map(), nested.offset(), 256),
            () -> new Nf4.Nested(nested.codes(), nested.scale(), nested.map(), nested.offset(), 0),
            () -> new Nf4.Nested(absmax, nested.scale(), nested.map(), nested.offset(), 256),
        };
        for (int i = 0; i < calls.length; i++) {
            assertThatIllegalArgumentException().as("call %d", i).isThrownBy(calls[i]::run);
        }
    }

    // --- the twin ---

    /** bitsandbytes' portable path in plain Java. */
    protected record Twin(byte[] packed, float[] absmax) {
        static Twin quantize(float[] weight, int block) {
            byte[] packed = new byte[(weight.length + 1) / 2];
            float[] absmax = new float[Math.ceilDiv(weight.length, block)];
            for (int b = 0; b < absmax.length; b++) {
                int from = b * block;
                int to = Math.min(weight.length, from + block);
                boolean whole = to - from == block;
                for (int i = from; i < to; i++) {
                    absmax[b] = Math.max(absmax[b], Math.abs(weight[i]));
                }
                if (!whole) {
                    absmax[b] = Math.max(absmax[b], 1e-38f);
                }
                float inverse = 1 / Math.max(absmax[b], 1e-38f);
                for (int i = from; i < to; i++) {
                    int code = code(whole ? weight[i] * inverse : weight[i] / absmax[b]);
                    packed[i / 2] |= (byte) (i % 2 == 0 ? code << 4 : code);
                }
            }
            if (weight.length % 2 == 1) {
                packed[weight.length / 2] |= 7;
            }
            return new Twin(packed, absmax);
        }

        static int code(float x) {
            int code = 0;
            while (code < 15 && x > (CODES[code] + CODES[code + 1]) / 2) {
                code++;
            }
            return code;
        }

        static float[] dequantize(byte[] packed, float[] absmax, int n, int block) {
            float[] weight = new float[n];
            for (int i = 0; i < n; i++) {
                int code = i % 2 == 0 ? packed[i / 2] >> 4 & 15 : packed[i / 2] & 15;
                weight[i] = CODES[code] * absmax[i / block];
            }
            return weight;
        }
    }

    // --- fixtures ---

    protected final Nf4 quantized(float[] weight, int rows, int columns, boolean doubled) {
        Nf4 target = Nf4.allocate(memory, rows, columns, doubled);
        kernels.quantizeNf4(tensor(weight), target);
        return target;
    }

    protected final float[] dequantized(Nf4 weight) {
        Tensor out = memory.take(activations(), weight.rows(), weight.columns());
        kernels.dequantizeNf4(weight, out);
        return floats(out);
    }

    /** {@code map[code] * scale + offset} of each block. */
    private float[] scales(Nf4 weight) {
        Nf4.Nested nested = nested(weight);
        byte[] codes = bytes(nested.codes());
        float[] map = floats(nested.map());
        float[] scale = floats(nested.scale());
        float offset = floats(nested.offset())[0];
        float[] scales = new float[codes.length];
        for (int b = 0; b < codes.length; b++) {
            scales[b] = map[Byte.toUnsignedInt(codes[b])] * scale[b / nested.block()];
            scales[b] += offset;
        }
        return scales;
    }

    private static Nf4.Nested nested(Nf4 weight) {
        Nf4.Nested nested = weight.nested();
        assertThat(nested).isNotNull();
        return nested;
    }

    private static Tensor present(Tensor tensor) {
        assertThat(tensor).isNotNull();
        return tensor;
    }

    protected final float[] floats(Tensor tensor) {
        float[] values = new float[Math.toIntExact(tensor.size())];
        kernels.download(tensor, values, 0);
        return values;
    }

    protected final byte[] bytes(Tensor tensor) {
        byte[] values = new byte[Math.toIntExact(tensor.size())];
        kernels.download(tensor, MemorySegment.ofArray(values));
        assertThat(tensor.data().byteSize()).isEqualTo(values.length * ValueLayout.JAVA_BYTE.byteSize());
        return values;
    }
}
