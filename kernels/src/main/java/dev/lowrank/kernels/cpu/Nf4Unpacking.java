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
 * Codes of a matrix W in 4 bits to a {@link PackedMatrix}, 32 elements of a row of W at a time. They lie in 16 bytes and have
 * one scale; the sixteen codes are multiplied by it and rounded to BF16, and elements looked up among these. With as many
 * lanes as a row has bytes, one vector holds what stands in the high halves, another what stands in the low ones.
 */
final class Nf4Unpacking {
    /** Bytes that one thread needs besides. */
    static final long SCRATCH = (long) Transposition.SIZE * Transposition.SIZE * Integer.BYTES;

    private static final int LANES = 16;
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

    Nf4Unpacking(Nf4 weight, PackedMatrix factor, boolean transposed) {
        this.weight = weight;
        this.codes = weight.packed().data();
        this.factor = factor;
        this.transposed = transposed;
    }

    /** Whether rows fall into whole runs of 32 elements, each with one scale, and into pairs; and vectors are as wide as that. */
    static boolean suits(Nf4 weight) {
        return Lanes.WIDTH == LANES && weight.columns() % PackedMatrix.BLOCK == 0 && weight.rows() % 2 == 0;
    }

    /** Fills the column blocks {@code [from, to)} of the factor. */
    void run(MemorySegment scratch, int from, int to) {
        int blocks = PackedMatrix.blocks(factor.k());
        for (int j = from; j < to; j++) {
            for (int i = 0; i < blocks; i++) {
                if (transposed) {
                    columns(i, j, scratch);
                } else {
                    rows(i, j);
                }
            }
        }
    }

    /** A block of W itself: a pair is an element from each of two rows. */
    private void rows(int i, int j) {
        int first = i * PackedMatrix.BLOCK;
        int rows = Math.min(PackedMatrix.BLOCK, factor.k() - first);
        long at = factor.block(i, j);
        for (int r = 0; r < rows; r += 2) {
            long upper = (long) (first + r) * weight.columns() + (long) j * PackedMatrix.BLOCK;
            long lower = upper + weight.columns();
            twoRows(
                    codes,
                    upper,
                    scale(upper),
                    lower,
                    scale(lower),
                    factor.data(),
                    at + (long) r * LANES * Integer.BYTES);
        }
        clear(factor.data(), at + (long) rows * LANES * Integer.BYTES, at + PackedMatrix.BLOCK_BYTES);
    }

    /** A block of the transpose: a pair is a byte, and neighbouring pairs of a row of W stand below each other. */
    private void columns(int i, int j, MemorySegment scratch) {
        long at = factor.block(i, j);
        for (int half = 0; half < PackedMatrix.BLOCK; half += LANES) {
            int first = j * PackedMatrix.BLOCK + half;
            int rows = Math.clamp(factor.n() - (long) first, 0, LANES);
            for (int r = 0; r < rows; r++) {
                long from = (long) (first + r) * weight.columns() + (long) i * PackedMatrix.BLOCK;
                oneRow(codes, from, scale(from), scratch, (long) r * LANES * Integer.BYTES);
            }
            clear(scratch, (long) rows * LANES * Integer.BYTES, SCRATCH);
            Transposition.run(scratch, 0, LANES, factor.data(), at / Integer.BYTES + half, PackedMatrix.BLOCK);
        }
    }

    private float scale(long element) {
        return Nf4Scales.of(weight, element / weight.blockSize());
    }

    /** 32 elements of a row as 16 pairs. */
    private static void oneRow(MemorySegment codes, long from, float scale, MemorySegment out, long at) {
        IntVector table = table(scale);
        IntVector bytes = bytes(codes, from);
        IntVector earlier = high(bytes).selectFrom(table.lanewise(VectorOperators.LSHR, 16));
        IntVector later = low(bytes).selectFrom(table.and(UPPER));
        earlier.or(later).intoMemorySegment(out, at, ORDER);
    }

    /** 32 elements of each of two rows as 32 pairs. */
    private static void twoRows(
            MemorySegment codes, long upper, float scale, long lower, float lowerScale, MemorySegment out, long at) {
        IntVector upperTable = table(scale).lanewise(VectorOperators.LSHR, 16);
        IntVector lowerTable = table(lowerScale).and(UPPER);
        IntVector above = bytes(codes, upper);
        IntVector below = bytes(codes, lower);
        IntVector even = high(above).selectFrom(upperTable).or(high(below).selectFrom(lowerTable));
        IntVector odd = low(above).selectFrom(upperTable).or(low(below).selectFrom(lowerTable));
        FIRST.selectFrom(even, odd).intoMemorySegment(out, at, ORDER);
        SECOND.selectFrom(even, odd).intoMemorySegment(out, at + (long) LANES * Integer.BYTES, ORDER);
    }

    /** What each code stands for, as BF16 in the upper half. */
    private static IntVector table(float scale) {
        return Floats.rounded(FloatVector.fromArray(Lanes.F, CODES, 0).mul(scale));
    }

    private static IntVector bytes(MemorySegment codes, long element) {
        return (IntVector) ByteVector.fromMemorySegment(ByteVector.SPECIES_128, codes, element / 2, ORDER)
                .convertShape(VectorOperators.ZERO_EXTEND_B2I, Lanes.I, 0);
    }

    private static IntVector high(IntVector bytes) {
        return bytes.lanewise(VectorOperators.LSHR, 4);
    }

    private static IntVector low(IntVector bytes) {
        return bytes.and(LANES - 1);
    }

    private static void clear(MemorySegment memory, long from, long to) {
        memory.asSlice(from, to - from).fill((byte) 0);
    }

    private static IntVector alternating(int first) {
        int[] lanes = new int[Lanes.WIDTH];
        Arrays.setAll(lanes, i -> first + i / 2 + i % 2 * LANES);
        return IntVector.fromArray(Lanes.I, lanes, 0);
    }
}
