package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * Copies of rows of BF16 numbers in the orders that products want ({@link StripProduct}). Extents within copies are multiples
 * of 32, zeros filling them up; places are counted in elements. An int holds two BF16 numbers, the earlier in its lower half.
 */
final class Bf16Layout {
    /** Keys that are packed at a time; sequences are filled up to a multiple of it. */
    static final int KEYS = 64;

    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final VectorSpecies<Short> WHOLE = ShortVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Short> HALF =
            VectorSpecies.of(short.class, VectorShape.forBitSize(Lanes.WIDTH * Short.SIZE));
    private static final int UPPER = 0xFFFF0000;

    private static final @Nullable MachineCode COLUMNS = code(LayoutCode.columns());
    private static final @Nullable MachineCode ROWS = code(LayoutCode.rows());
    private static final @Nullable MachineCode ROUNDED = code(LayoutCode.rounded());
    private static final @Nullable MachineCode TURNED = code(LayoutCode.turned());

    private Bf16Layout() {}

    private static @Nullable MachineCode code(byte[] code) {
        return MachineCode.ofVectors(code).orElse(null);
    }

    /** The next multiple of 32. */
    static int padded(int extent) {
        return extent + 31 & -32;
    }

    /** Bytes of a packed matrix from one block of 32 columns to the next. */
    static long pitch(long rows) {
        return rows * PackedMatrix.BLOCK * Short.BYTES;
    }

    /** Where a column of a packed matrix begins, the first of a block. */
    static long columnBytes(long column, int rows) {
        return column * rows * Short.BYTES;
    }

    /** Copies one row of {@code width} elements, and zeros up to {@code padded}. */
    static void row(MemorySegment source, long from, int width, MemorySegment target, long to, int padded) {
        int whole = width & -WHOLE.length();
        for (int i = 0; i < whole; i += WHOLE.length()) {
            ShortVector.fromMemorySegment(WHOLE, source, from + i << 1, ORDER)
                    .intoMemorySegment(target, to + i << 1, ORDER);
        }
        for (int i = whole; i < width; i++) {
            target.setAtIndex(JAVA_SHORT, to + i, source.getAtIndex(JAVA_SHORT, from + i));
        }
        for (int i = width; i < padded; i++) {
            target.setAtIndex(JAVA_SHORT, to + i, (short) 0);
        }
    }

    /** Sets so many elements to zero. */
    static void clear(MemorySegment target, long to, long elements) {
        target.asSlice(to << 1, elements << 1).fill((byte) 0);
    }

    /**
     * Packs 64 rows as columns of B = K^T [columns, rows].
     *
     * @param rows [64, columns], {@code stride} elements apart
     * @param target where these 64 columns of B begin, in elements: [2][columns / 32][16][32][2]
     */
    static void packColumns(MemorySegment rows, long from, long stride, int columns, MemorySegment target, long to) {
        if (COLUMNS != null) {
            COLUMNS.call(address(rows, from), stride << 1, address(target, to), columns / 32, KEYS / 32, 0);
            return;
        }
        for (int row = 0; row < KEYS; row += Transposition.SIZE) {
            long block = to / 2 + (row & -32) * (long) columns / 2 + row % 32;
            for (int column = 0; column < columns; column += 32) {
                long at = (from + row * stride + column) / 2;
                Transposition.run(rows, at, stride / 2, target, block + column * 16L, 32);
            }
        }
    }

    /**
     * Packs a multiple of 32 rows as rows of B [k, columns].
     *
     * @param rows [count, columns], {@code stride} elements apart
     * @param target B, in which these rows are from {@code first} on
     */
    static void packRows(
            MemorySegment rows,
            long from,
            long stride,
            int columns,
            int count,
            MemorySegment target,
            long first,
            long k) {
        for (int column = 0; column < columns; column += 32) {
            long block = column * k + first * 32;
            if (ROWS != null) {
                ROWS.call(address(rows, from + column), stride << 1, address(target, block), count / 2, 0, 0);
                continue;
            }
            for (int row = 0; row < count; row += 2) {
                long lower = from + row * stride + column;
                pairs(rows, lower, lower + stride, 32, target, block / 2 + row * 16L);
            }
        }
    }

    /**
     * The transpose of a multiple of 32 rows, as a left factor [columns, count].
     *
     * @param rows [count, columns]
     * @param packed room for as much, which may be overwritten
     */
    static void turn(MemorySegment rows, int columns, int count, MemorySegment packed, MemorySegment target) {
        if (TURNED == null) {
            PackedMatrix between = new PackedMatrix(packed, count, columns, count);
            between.fill(rows, columns, false, 0, PackedMatrix.blocks(columns));
            between.transpose(target, count);
            return;
        }
        for (int column = 0; column < columns; column += 32) {
            TURNED.call(
                    address(rows, column),
                    (long) columns << 1,
                    address(target, (long) column * count),
                    (long) count << 1,
                    count / 32,
                    0);
        }
    }

    private static long address(MemorySegment data, long element) {
        return data.address() + (element << 1);
    }

    /** {@code target[i] = (source[lower + i], source[upper + i])}; {@code to} counts ints. */
    private static void pairs(MemorySegment source, long lower, long upper, int count, MemorySegment target, long to) {
        for (int i = 0; i < count; i += Lanes.WIDTH) {
            store(
                    widen(source, lower + i).or(widen(source, upper + i).lanewise(VectorOperators.LSHL, 16)),
                    target,
                    to + i);
        }
    }

    /**
     * {@code target[key, column] = scale * source[column, key]}, rounded, for 64 keys.
     *
     * @param source fp32, [columns, ...] with {@code stride} elements from one column to the next
     * @param pairs room for 16 x 64 ints
     * @param target [64, columns]
     */
    static void unpackColumns(
            MemorySegment source,
            long from,
            int stride,
            float scale,
            int columns,
            MemorySegment pairs,
            Bf16Blocks.Rows target) {
        if (ROUNDED != null) {
            for (int i = 0; i < 32; i++) {
                pairs.set(JAVA_SHORT, LayoutCode.ORDER + (long) i * Short.BYTES, (short) (i / 2 + i % 2 * 16));
            }
            pairs.set(JAVA_FLOAT, LayoutCode.FACTOR, scale);
            for (int column = 0; column < columns; column += 32) {
                ROUNDED.call(
                        source.address() + (from + (long) column * stride) * Float.BYTES,
                        (long) stride * Float.BYTES,
                        address(target.data(), target.from() + column),
                        target.stride() << 1,
                        KEYS / 16,
                        pairs.address());
            }
            return;
        }
        for (int column = 0; column < columns; column += 32) {
            for (int p = 0; p < 16; p++) {
                long lower = from + (column + 2L * p) * stride;
                roundPairs(source, lower, lower + stride, scale, pairs, (long) p * KEYS);
            }
            for (int key = 0; key < KEYS; key += Transposition.SIZE) {
                long at = target.from() + key * target.stride() + column;
                Transposition.run(pairs, key, KEYS, target.data(), at / 2, target.stride() / 2);
            }
        }
    }

    /** Two times 64 fp32 numbers times a factor, rounded, as pairs; {@code to} counts ints. */
    private static void roundPairs(
            MemorySegment source, long lower, long upper, float factor, MemorySegment target, long to) {
        for (int i = 0; i < KEYS; i += Lanes.WIDTH) {
            IntVector low = Floats.rounded(Lanes.load(source, lower + i).mul(factor));
            IntVector high = Floats.rounded(Lanes.load(source, upper + i).mul(factor));
            store(low.lanewise(VectorOperators.LSHR, 16).or(high.and(UPPER)), target, to + i);
        }
    }

    /** Copies a row of fp32 numbers times a factor, rounded to nearest even. */
    static void round(MemorySegment source, long from, float factor, MemorySegment target, long to, int width) {
        int whole = Lanes.whole(width);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            Floats.narrow(Lanes.load(source, from + i).mul(factor), target, to + i);
        }
        for (int i = whole; i < width; i++) {
            int bits = Floats.rounded(Lanes.get(source, from + i) * factor);
            target.setAtIndex(JAVA_SHORT, to + i, (short) (bits >>> 16));
        }
    }

    /** {@code sum of a[i] * b[i]} over {@code width} elements; {@code lanes} as in {@link Lanes#sum}. */
    static float dot(MemorySegment a, MemorySegment b, long at, int width, float[] lanes) {
        int whole = Lanes.whole(width);
        FloatVector sums = FloatVector.zero(Lanes.F);
        for (int i = 0; i < whole; i += Lanes.WIDTH) {
            sums = Floats.widen(a, at + i).fma(Floats.widen(b, at + i), sums);
        }
        sums.intoArray(lanes, 0);
        float total = Bf16Softmax.sum(lanes, 0);
        for (int i = whole; i < width; i++) {
            float x = Float.intBitsToFloat(a.getAtIndex(JAVA_SHORT, at + i) << 16);
            float y = Float.intBitsToFloat(b.getAtIndex(JAVA_SHORT, at + i) << 16);
            total = Math.fma(x, y, total);
        }
        return total;
    }

    /**
     * Pairs two rows of fp32 numbers, rounded, element by element.
     *
     * @param to where the pairs go, in ints; runs of 32 are {@code run} ints apart
     */
    static void pair(MemorySegment source, long a, long b, int count, MemorySegment target, long to, long run) {
        for (int j = 0; j < count; j += Lanes.WIDTH) {
            IntVector low = Floats.rounded(Lanes.load(source, a + j));
            IntVector high = Floats.rounded(Lanes.load(source, b + j));
            store(low.lanewise(VectorOperators.LSHR, 16).or(high.and(UPPER)), target, to + (j >> 5) * run + (j & 31));
        }
    }

    /** BF16 numbers as they lie, each in the lower half of an int. */
    private static IntVector widen(MemorySegment data, long at) {
        return (IntVector) ShortVector.fromMemorySegment(HALF, data, at << 1, ORDER)
                .convertShape(VectorOperators.ZERO_EXTEND_S2I, Lanes.I, 0);
    }

    static IntVector load(MemorySegment data, long at) {
        return IntVector.fromMemorySegment(Lanes.I, data, at << 2, ORDER);
    }

    static void store(IntVector value, MemorySegment data, long at) {
        value.intoMemorySegment(data, at << 2, ORDER);
    }

    /** Sets ints, a multiple of 16 of them, to zero. */
    static void clearInts(MemorySegment data, long from, long to) {
        for (long i = from; i < to; i += Lanes.WIDTH) {
            store(IntVector.zero(Lanes.I), data, i);
        }
    }
}
