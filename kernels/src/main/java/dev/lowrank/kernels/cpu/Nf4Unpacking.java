package dev.lowrank.kernels.cpu;

import dev.lowrank.kernels.Nf4;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Codes of a matrix W in 4 bits to a {@link PackedMatrix}, by runs of 32 elements of a row of W, which lie in 16 bytes. The
 * sixteen codes are multiplied by a scale and rounded to BF16, and the elements of one or two runs looked up among these. With
 * as many lanes as a run has bytes, one vector holds what stands in the high halves, another what stands in the low ones.
 */
final class Nf4Unpacking {
    private static final long TILE = (long) Transposition.SIZE * Transposition.SIZE * Integer.BYTES;

    /** Bytes that one thread needs besides: two tiles of 16 x 16 pairs, or 32 tables of 16 codes. */
    static final long SCRATCH = 2 * TILE;

    private static final int RUN = PackedMatrix.BLOCK;
    private static final int LANES = 16;
    private static final long VECTOR = (long) LANES * Integer.BYTES;
    private static final int UPPER = 0xFFFF0000;
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();
    private static final float[] CODES = Nf4.codes();

    /** The lanes of two vectors in turn, the first and the second half of them. */
    private static final IntVector FIRST = alternating(0);

    private static final IntVector SECOND = alternating(LANES / 2);

    private final Nf4 weight;
    private final MemorySegment codes;
    private final PackedMatrix factor;
    private final boolean transposed;
    private final int runs; // with the same scale in every row

    Nf4Unpacking(Nf4 weight, PackedMatrix factor, boolean transposed) {
        this.weight = weight;
        this.codes = weight.packed().data();
        this.factor = factor;
        this.transposed = transposed;
        this.runs = weight.columns() % (2 * RUN) == 0 && weight.blockSize() >= 2 * RUN ? 2 : 1;
    }

    /** Whether rows are made of whole runs, each with one scale, and of pairs of rows; and vectors are as wide as that. */
    static boolean suits(Nf4 weight) {
        return Lanes.WIDTH == LANES && weight.columns() % RUN == 0 && weight.rows() % 2 == 0;
    }

    /** How many column blocks of the factor are filled together. */
    int step() {
        return transposed ? 1 : runs;
    }

    /** Fills the column blocks {@code [from, to)} of the factor, both multiples of the step. */
    void run(MemorySegment scratch, int from, int to) {
        int blocks = PackedMatrix.blocks(factor.k());
        if (transposed) {
            for (int j = from; j < to; j++) {
                for (int i = 0; i < blocks; i += runs) {
                    columns(i, j, scratch);
                }
            }
        } else {
            for (int j = from; j < to; j += runs) {
                for (int i = 0; i < blocks; i++) {
                    rows(i, j, scratch);
                }
            }
        }
    }

    /** Blocks of W itself beside each other: a pair is an element from each of two rows. */
    private void rows(int i, int j, MemorySegment tables) {
        int first = i * RUN;
        int rows = Math.min(RUN, factor.k() - first);
        long at = factor.block(i, j);
        long next = factor.block(i, j + 1) - at;
        long elements = (long) first * weight.columns() + (long) j * RUN; // the first of them
        for (int r = 0; r < rows; r++) {
            storeTable(scale(elements + (long) r * weight.columns()), tables, r * VECTOR);
        }
        for (int r = 0; r < rows; r += 2) {
            long upper = elements + (long) r * weight.columns();
            twoRows(
                    codes,
                    upper,
                    upper + weight.columns(),
                    runs,
                    tables,
                    r * VECTOR,
                    factor.data(),
                    at + r * VECTOR,
                    next);
        }
        for (int run = 0; run < runs; run++) {
            long block = at + run * next;
            clear(factor.data(), block + rows * VECTOR, block + PackedMatrix.BLOCK_BYTES);
        }
    }

    /** Blocks of the transpose below each other: a pair is a byte, and what follows it in W stands below it. */
    private void columns(int i, int j, MemorySegment scratch) {
        long at = factor.block(i, j) / Integer.BYTES;
        for (int half = 0; half < RUN; half += LANES) {
            int first = j * RUN + half;
            int rows = Math.clamp(factor.n() - (long) first, 0, LANES);
            for (int r = 0; r < rows; r++) {
                long from = (long) (first + r) * weight.columns() + (long) i * RUN;
                oneRow(codes, from, scale(from), runs, scratch, r * VECTOR);
            }
            for (int run = 0; run < runs; run++) {
                clear(scratch, run * TILE + rows * VECTOR, (run + 1) * TILE);
                long block = at + run * PackedMatrix.BLOCK_BYTES / Integer.BYTES;
                Transposition.run(scratch, run * TILE / Integer.BYTES, LANES, factor.data(), block + half, RUN);
            }
        }
    }

    private float scale(long element) {
        return Nf4Scales.of(weight, element / weight.blockSize());
    }

    /** Runs of a row, each as 16 pairs in a tile of its own. */
    private static void oneRow(MemorySegment codes, long from, float scale, int runs, MemorySegment out, long at) {
        IntVector table = table(scale);
        IntVector low = table.lanewise(VectorOperators.LSHR, 16);
        IntVector high = table.and(UPPER);
        for (int run = 0; run < runs; run++) {
            IntVector bytes = bytes(codes, from + (long) run * RUN);
            earlier(bytes)
                    .selectFrom(low)
                    .or(later(bytes).selectFrom(high))
                    .intoMemorySegment(out, at + run * TILE, ORDER);
        }
    }

    /**
     * Runs of two rows, each as 32 pairs in a block of its own, {@code next} bytes behind the one before.
     *
     * @param tables the upper row's from {@code table} on, then the lower row's
     */
    private static void twoRows(
            MemorySegment codes,
            long upper,
            long lower,
            int runs,
            MemorySegment tables,
            long table,
            MemorySegment out,
            long at,
            long next) {
        IntVector low =
                IntVector.fromMemorySegment(Lanes.I, tables, table, ORDER).lanewise(VectorOperators.LSHR, 16);
        IntVector high = IntVector.fromMemorySegment(Lanes.I, tables, table + VECTOR, ORDER)
                .and(UPPER);
        for (int run = 0; run < runs; run++) {
            IntVector above = bytes(codes, upper + (long) run * RUN);
            IntVector below = bytes(codes, lower + (long) run * RUN);
            IntVector even = earlier(above).selectFrom(low).or(earlier(below).selectFrom(high));
            IntVector odd = later(above).selectFrom(low).or(later(below).selectFrom(high));
            long block = at + run * next;
            FIRST.selectFrom(even, odd).intoMemorySegment(out, block, ORDER);
            SECOND.selectFrom(even, odd).intoMemorySegment(out, block + VECTOR, ORDER);
        }
    }

    /** By itself, because with two tables and what is looked up in them a loop would be too long to be compiled whole. */
    private static void storeTable(float scale, MemorySegment tables, long at) {
        table(scale).intoMemorySegment(tables, at, ORDER);
    }

    /** What each code stands for, as BF16 in the upper half. */
    private static IntVector table(float scale) {
        return Floats.rounded(FloatVector.fromArray(Lanes.F, CODES, 0).mul(scale));
    }

    private static IntVector bytes(MemorySegment codes, long element) {
        return (IntVector) ByteVector.fromMemorySegment(ByteVector.SPECIES_128, codes, element / 2, ORDER)
                .convertShape(VectorOperators.ZERO_EXTEND_B2I, Lanes.I, 0);
    }

    /** Codes of the elements in even places. */
    private static IntVector earlier(IntVector bytes) {
        return bytes.lanewise(VectorOperators.LSHR, 4);
    }

    private static IntVector later(IntVector bytes) {
        return bytes.and(LANES - 1);
    }

    private static void clear(MemorySegment memory, long from, long to) {
        if (from < to) {
            memory.asSlice(from, to - from).fill((byte) 0);
        }
    }

    private static IntVector alternating(int first) {
        int[] lanes = new int[Lanes.WIDTH];
        Arrays.setAll(lanes, i -> first + i / 2 + i % 2 * LANES);
        return IntVector.fromArray(Lanes.I, lanes, 0);
    }
}
