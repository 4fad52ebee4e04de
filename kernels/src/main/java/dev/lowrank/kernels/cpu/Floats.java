package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import dev.lowrank.kernels.DType;
import dev.lowrank.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * A tensor's elements as fp32 numbers, whichever of F32 and BF16 they are stored as; places are counted in elements. One by
 * one or in whole copies: for loops over vectors there is {@link Stretch}.
 */
record Floats(MemorySegment data, boolean half) {
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    static final VectorSpecies<Short> S =
            VectorSpecies.of(short.class, VectorShape.forBitSize(Lanes.WIDTH * Short.SIZE));
    private static final int NAN = 0x7FC00000;
    private static final int LONGEST = 1 << 20;

    static Floats of(Tensor tensor) {
        return new Floats(tensor.data(), tensor.dtype() == DType.BF16);
    }

    float get(long at) {
        return half ? wide(data.getAtIndex(JAVA_SHORT, at)) : data.getAtIndex(JAVA_FLOAT, at);
    }

    void set(long at, float value) {
        if (half) {
            data.setAtIndex(JAVA_SHORT, at, narrow(value));
        } else {
            data.setAtIndex(JAVA_FLOAT, at, value);
        }
    }

    /** Copies {@code count} elements, rounding where the target holds less. */
    static void convert(Floats source, long from, Floats target, long to, long count) {
        if (source.half == target.half) {
            long bytes = source.half ? Short.BYTES : Float.BYTES;
            MemorySegment.copy(source.data, from * bytes, target.data, to * bytes, count * bytes);
            return;
        }
        for (long done = 0; done < count; done += LONGEST) {
            int part = (int) Math.min(LONGEST, count - done);
            if (source.half) {
                widen(source.data, from + done, target.data, to + done, part);
            } else {
                narrow(source.data, from + done, target.data, to + done, part);
            }
        }
    }

    /** Copies {@code count} elements of BF16 to F32. */
    static void widen(MemorySegment source, long from, MemorySegment target, long to, int count) {
        int whole = Lanes.whole(count);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            Lanes.store(widen(source, from + i), target, to + i);
        }
        for (int i = whole; i < count; i++) {
            Lanes.set(target, to + i, wide(source.getAtIndex(JAVA_SHORT, from + i)));
        }
    }

    /** Rounds {@code count} elements of F32 to BF16. */
    static void narrow(MemorySegment source, long from, MemorySegment target, long to, int count) {
        int whole = Lanes.whole(count);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            narrow(Lanes.load(source, from + i), target, to + i);
        }
        for (int i = whole; i < count; i++) {
            target.setAtIndex(JAVA_SHORT, to + i, narrow(Lanes.get(source, from + i)));
        }
    }

    /** Copies {@code count} elements from {@code at} on into an array, from {@code to} on. */
    void read(long at, float[] target, int to, int count) {
        if (!half) {
            MemorySegment.copy(data, JAVA_FLOAT, at << 2, target, to, count);
            return;
        }
        int whole = Lanes.whole(count);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            widen(data, at + i).intoArray(target, to + i);
        }
        for (int i = whole; i < count; i++) {
            target[to + i] = get(at + i);
        }
    }

    /** Copies {@code count} numbers of an array, from {@code from} on, to the elements from {@code at} on. */
    void write(float[] source, int from, long at, int count) {
        if (!half) {
            MemorySegment.copy(source, from, data, JAVA_FLOAT, at << 2, count);
            return;
        }
        int whole = Lanes.whole(count);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            narrow(FloatVector.fromArray(Lanes.F, source, from + i), data, at + i);
        }
        for (int i = whole; i < count; i++) {
            set(at + i, source[from + i]);
        }
    }

    /** A vector of BF16 elements of the memory as fp32. */
    static FloatVector widen(MemorySegment data, long at) {
        return ((IntVector) ShortVector.fromMemorySegment(S, data, at << 1, ORDER)
                        .convertShape(VectorOperators.ZERO_EXTEND_S2I, Lanes.I, 0))
                .lanewise(VectorOperators.LSHL, 16)
                .reinterpretAsFloats();
    }

    /** Stores a vector as BF16. */
    static void narrow(FloatVector value, MemorySegment data, long at) {
        IntVector high = rounded(value).lanewise(VectorOperators.LSHR, 16);
        ((ShortVector) high.convertShape(VectorOperators.I2S, S, 0)).intoMemorySegment(data, at << 1, ORDER);
    }

    /** Rounds one number to BF16. */
    static void narrow(float value, MemorySegment data, long at) {
        data.setAtIndex(JAVA_SHORT, at, narrow(value));
    }

    /** One BF16 element of the memory as fp32. */
    static float wide(MemorySegment data, long at) {
        return wide(data.getAtIndex(JAVA_SHORT, at));
    }

    private static float wide(short element) {
        return Float.intBitsToFloat(element << 16);
    }

    private static short narrow(float value) {
        return (short) (rounded(value) >>> 16);
    }

    /** Each lane rounded to the nearest BF16, ties to even, in the upper half; the lower half is to be dropped. */
    static IntVector rounded(FloatVector value) {
        IntVector bits = value.reinterpretAsInts();
        IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
        return bits.add(odd)
                .add(0x7FFF)
                .blend(NAN, value.test(VectorOperators.IS_NAN).cast(Lanes.I));
    }

    /** The same for one number. */
    static int rounded(float value) {
        int bits = Float.floatToRawIntBits(value);
        return Float.isNaN(value) ? NAN : bits + (bits >>> 16 & 1) + 0x7FFF;
    }
}
