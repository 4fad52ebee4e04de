package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.function.IntUnaryOperator;
import jdk.incubator.vector.IntVector;

/** Transposing blocks of 16 by 16 numbers of 32 bits each, whatever they mean. */
final class Transposition {
    static final int SIZE = 16;

    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    // In the stage that swaps blocks of d: lanes below 16 are the upper row's, the others the lower row's.
    private static final IntVector LOW_8 = low(8);
    private static final IntVector HIGH_8 = high(8);
    private static final IntVector LOW_4 = low(4);
    private static final IntVector HIGH_4 = high(4);
    private static final IntVector LOW_2 = low(2);
    private static final IntVector HIGH_2 = high(2);
    private static final IntVector LOW_1 = low(1);
    private static final IntVector HIGH_1 = high(1);

    private Transposition() {}

    /**
     * {@code target[to + j * targetStride + i] = source[from + i * sourceStride + j]} for i, j below 16; places and strides
     * count ints. The two blocks do not overlap.
     */
    static void run(
            MemorySegment source, long from, long sourceStride, MemorySegment target, long to, long targetStride) {
        if (Lanes.WIDTH == SIZE) {
            quarter(source, from, sourceStride, LOW_8, LOW_4, target, to, targetStride);
            quarter(source, from, sourceStride, LOW_8, HIGH_4, target, to + 4 * targetStride, targetStride);
            quarter(source, from, sourceStride, HIGH_8, LOW_4, target, to + 8 * targetStride, targetStride);
            quarter(source, from, sourceStride, HIGH_8, HIGH_4, target, to + 12 * targetStride, targetStride);
            return;
        }
        for (int i = 0; i < SIZE; i++) {
            for (int j = 0; j < SIZE; j++) {
                int value = source.getAtIndex(JAVA_INT, from + i * sourceStride + j);
                target.setAtIndex(JAVA_INT, to + j * targetStride + i, value);
            }
        }
    }

    /**
     * Four rows of the result, in four stages, each of which swaps the off-diagonal blocks of every block of twice their
     * size. A quarter at a time, because a method with more vectors would not be compiled whole.
     *
     * @param half LOW_8 for the upper eight rows, HIGH_8 for the lower
     * @param quarter LOW_4 for the upper four of these, HIGH_4 for the lower
     */
    private static void quarter(
            MemorySegment source,
            long from,
            long sourceStride,
            IntVector half,
            IntVector quarter,
            MemorySegment target,
            long to,
            long targetStride) {
        IntVector a0 = half.selectFrom(load(source, from), load(source, from + 8 * sourceStride));
        IntVector a1 = half.selectFrom(load(source, from + 1 * sourceStride), load(source, from + 9 * sourceStride));
        IntVector a2 = half.selectFrom(load(source, from + 2 * sourceStride), load(source, from + 10 * sourceStride));
        IntVector a3 = half.selectFrom(load(source, from + 3 * sourceStride), load(source, from + 11 * sourceStride));
        IntVector a4 = half.selectFrom(load(source, from + 4 * sourceStride), load(source, from + 12 * sourceStride));
        IntVector a5 = half.selectFrom(load(source, from + 5 * sourceStride), load(source, from + 13 * sourceStride));
        IntVector a6 = half.selectFrom(load(source, from + 6 * sourceStride), load(source, from + 14 * sourceStride));
        IntVector a7 = half.selectFrom(load(source, from + 7 * sourceStride), load(source, from + 15 * sourceStride));
        IntVector b0 = quarter.selectFrom(a0, a4);
        IntVector b1 = quarter.selectFrom(a1, a5);
        IntVector b2 = quarter.selectFrom(a2, a6);
        IntVector b3 = quarter.selectFrom(a3, a7);
        IntVector c0 = LOW_2.selectFrom(b0, b2);
        IntVector c2 = HIGH_2.selectFrom(b0, b2);
        IntVector c1 = LOW_2.selectFrom(b1, b3);
        IntVector c3 = HIGH_2.selectFrom(b1, b3);
        IntVector d0 = LOW_1.selectFrom(c0, c1);
        IntVector d1 = HIGH_1.selectFrom(c0, c1);
        IntVector d2 = LOW_1.selectFrom(c2, c3);
        IntVector d3 = HIGH_1.selectFrom(c2, c3);
        store(d0, target, to);
        store(d1, target, to + 1 * targetStride);
        store(d2, target, to + 2 * targetStride);
        store(d3, target, to + 3 * targetStride);
    }

    private static IntVector low(int d) {
        return lanes(i -> (i & d) == 0 ? i : SIZE + i - d);
    }

    private static IntVector high(int d) {
        return lanes(i -> (i & d) == 0 ? i + d : SIZE + i);
    }

    private static IntVector lanes(IntUnaryOperator of) {
        int[] values = new int[Lanes.WIDTH];
        Arrays.setAll(values, of);
        return IntVector.fromArray(Lanes.I, values, 0);
    }

    private static IntVector load(MemorySegment data, long at) {
        return IntVector.fromMemorySegment(Lanes.I, data, at << 2, ORDER);
    }

    private static void store(IntVector value, MemorySegment data, long at) {
        value.intoMemorySegment(data, at << 2, ORDER);
    }
}
