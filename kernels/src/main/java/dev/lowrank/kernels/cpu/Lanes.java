package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.lowrank.kernels.Tensor;
import dev.lowrank.kernels.shapes.Ints;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Loads, stores and sums of whole vectors; places are counted in elements. Operations treat the elements that do not
 * fill a vector one by one with the same arithmetic, so a value does not depend on where it stands.
 */
final class Lanes {
    static final VectorSpecies<Float> F = FloatVector.SPECIES_PREFERRED;
    static final VectorSpecies<Integer> I = IntVector.SPECIES_PREFERRED;
    static final int WIDTH = F.length();

    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    private static final VectorShuffle<Float> BY_8 = VectorShuffle.iota(F, 8, 1, true);
    private static final VectorShuffle<Float> BY_4 = VectorShuffle.iota(F, 4, 1, true);
    private static final VectorShuffle<Float> BY_2 = VectorShuffle.iota(F, 2, 1, true);
    private static final VectorShuffle<Float> BY_1 = VectorShuffle.iota(F, 1, 1, true);

    private Lanes() {}

    /** The largest multiple of the width that is at most {@code count}. */
    static int whole(int count) {
        return count & -WIDTH;
    }

    /** The end of the last whole vector that begins at {@code from} plus a multiple of the width. */
    static long whole(long from, long to) {
        return from + ((to - from) & -WIDTH);
    }

    static FloatVector load(MemorySegment data, long at) {
        return FloatVector.fromMemorySegment(F, data, at << 2, ORDER);
    }

    static void store(FloatVector value, MemorySegment data, long at) {
        value.intoMemorySegment(data, at << 2, ORDER);
    }

    static float get(MemorySegment data, long at) {
        return data.getAtIndex(JAVA_FLOAT, at);
    }

    static void set(MemorySegment data, long at, float value) {
        data.setAtIndex(JAVA_FLOAT, at, value);
    }

    static int getInt(MemorySegment data, long at) {
        return data.getAtIndex(JAVA_INT, at);
    }

    /** The elements of an I32 tensor, for its check. */
    static Ints ints(Tensor tensor) {
        return i -> getInt(tensor.data(), i);
    }

    static FloatVector all(float value) {
        return FloatVector.broadcast(F, value);
    }

    /**
     * The sum of a vector's lanes, always in the same order: halves added until one is left. The Vector API's own
     * reduction promises no order and gives other bits compiled than interpreted.
     */
    static float sum(FloatVector vector) {
        FloatVector v = vector;
        if (WIDTH > 8) {
            v = v.add(v.rearrange(BY_8));
        }
        if (WIDTH > 4) {
            v = v.add(v.rearrange(BY_4));
        }
        v = v.add(v.rearrange(BY_2));
        return v.add(v.rearrange(BY_1)).lane(0);
    }

    /** {@code sum of a[i] * b[i]} over {@code n} elements. */
    static float dot(MemorySegment a, long atA, MemorySegment b, long atB, int n) {
        int whole = whole(n);
        FloatVector acc = FloatVector.zero(F);
        for (int i = 0; i < whole; i += WIDTH) {
            acc = load(a, atA + i).fma(load(b, atB + i), acc);
        }
        float total = sum(acc);
        for (int i = whole; i < n; i++) {
            total = Math.fma(get(a, atA + i), get(b, atB + i), total);
        }
        return total;
    }

    /**
     * The sum of a vector's lanes, always in the same order. The Vector API's own reduction promises no order and gives
     * other bits compiled than interpreted.
     *
     * @param buffer at least {@link #WIDTH} floats, overwritten
     */
    static float sum(FloatVector vector, float[] buffer) {
        vector.intoArray(buffer, 0);
        for (int half = WIDTH / 2; half > 0; half /= 2) {
            for (int i = 0; i < half; i++) {
                buffer[i] += buffer[i + half];
            }
        }
        return buffer[0];
    }

    /** {@code sum of a[i] * b[i]} over {@code n} elements; {@code buffer} as in {@link #sum}. */
    static float dot(MemorySegment a, long atA, MemorySegment b, long atB, int n, float[] buffer) {
        int whole = whole(n);
        FloatVector acc = FloatVector.zero(F);
        for (int i = 0; i < whole; i += WIDTH) {
            acc = load(a, atA + i).fma(load(b, atB + i), acc);
        }
        float total = sum(acc, buffer);
        for (int i = whole; i < n; i++) {
            total = Math.fma(get(a, atA + i), get(b, atB + i), total);
        }
        return total;
    }
}
