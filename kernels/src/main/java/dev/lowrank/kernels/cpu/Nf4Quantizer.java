package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.lowrank.kernels.Nf4;
import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.shapes.Nf4Shapes;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/**
 * Weights to NF4. An element becomes the nearest code of {@code x / absmax}: 15 less the middles between neighbouring
 * codes that it does not exceed, so a tie goes to the lower code and NaN to the highest.
 */
final class Nf4Quantizer {
    /** Keeps the reciprocal of a block of zeros finite; zeros then become code 7. */
    private static final float SMALLEST = 1e-38f;

    private static final int HIGHEST = 15;
    private static final int ZERO = 7;
    private static final float[] MIDDLES = middles();

    private final Team team;

    Nf4Quantizer(Team team) {
        this.team = team;
    }

    void run(Tensor source, Nf4 target) {
        Nf4Shapes.quantizeNf4(source, target);
        float[] scales = new float[Math.toIntExact(target.blocks())];
        long size = target.size();
        int block = target.blockSize();
        MemorySegment data = source.data();
        MemorySegment packed = target.packed().data();
        team.rows(scales.length, block, (from, to) -> {
            long[] bytes = new long[block / 2];
            for (long b = from; b < to; b++) {
                long at = b * block;
                scales[(int) b] = size - at < block
                        ? lastBlock(data, at, (int) (size - at), packed)
                        : wholeBlock(data, at, packed, bytes);
            }
        });
        writeScales(scales, target.absmax(), target.nested());
    }

    private static void writeScales(float[] scales, @Nullable Tensor absmax, Nf4.@Nullable Nested nested) {
        if (absmax != null) {
            MemorySegment.copy(scales, 0, absmax.data(), JAVA_FLOAT, 0, scales.length);
        }
        if (nested != null) {
            Nf4Scales.quantize(scales, nested);
        }
    }

    /** Quantizes {@code 2 * bytes.length} elements and returns their largest magnitude. */
    private static float wholeBlock(MemorySegment source, long at, MemorySegment packed, long[] bytes) {
        int count = 2 * bytes.length;
        float absmax = absmax(source, at, count);
        float inverse = 1 / Math.max(absmax, SMALLEST);
        for (int i = 0; i < count; i += Lanes.WIDTH) {
            LongVector pairs = codes(Lanes.load(source, at + i).mul(inverse)).reinterpretAsLongs();
            pairs.lanewise(VectorOperators.LSHL, 4)
                    .or(pairs.lanewise(VectorOperators.LSHR, Integer.SIZE))
                    .intoArray(bytes, i / 2);
        }
        for (int j = 0; j < bytes.length; j++) {
            packed.set(JAVA_BYTE, at / 2 + j, (byte) bytes[j]);
        }
        return absmax;
    }

    /** A short block, which the reference divides by its scale; a lone last element has the code of zero beside it. */
    private static float lastBlock(MemorySegment source, long at, int count, MemorySegment packed) {
        float absmax = SMALLEST;
        for (int i = 0; i < count; i++) {
            absmax = Math.max(absmax, Math.abs(Lanes.get(source, at + i)));
        }
        for (int i = 0; i < count; i += 2) {
            int high = code(Lanes.get(source, at + i) / absmax);
            int low = i + 1 < count ? code(Lanes.get(source, at + i + 1) / absmax) : ZERO;
            packed.set(JAVA_BYTE, (at + i) / 2, (byte) (high << 4 | low));
        }
        return absmax;
    }

    private static float absmax(MemorySegment source, long at, int count) {
        FloatVector largest = FloatVector.zero(Lanes.F);
        for (int i = 0; i < count; i += Lanes.WIDTH) {
            largest = largest.max(Lanes.load(source, at + i).abs());
        }
        return largest.reduceLanes(VectorOperators.MAX);
    }

    private static IntVector codes(FloatVector x) {
        IntVector codes = IntVector.broadcast(Lanes.I, HIGHEST);
        for (float middle : MIDDLES) {
            codes = codes.sub(1, x.compare(VectorOperators.LE, middle).cast(Lanes.I));
        }
        return codes;
    }

    private static int code(float x) {
        int code = HIGHEST;
        for (float middle : MIDDLES) {
            code -= x <= middle ? 1 : 0;
        }
        return code;
    }

    private static float[] middles() {
        float[] codes = Nf4.codes();
        float[] middles = new float[HIGHEST];
        for (int i = 0; i < HIGHEST; i++) {
            middles[i] = (codes[i] + codes[i + 1]) / 2;
        }
        return middles;
    }
}
