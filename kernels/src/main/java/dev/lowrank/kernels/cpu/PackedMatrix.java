package dev.lowrank.kernels.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The right factor B [k, n] of a bf16 product as the processor's tiles want it. Rows go in chunks of {@code chunk}; a chunk
 * is laid out by blocks of 32 columns, a block by pairs of rows, a pair as 32 words of two elements, the upper row's in the
 * lower half. What is missing to whole blocks of 32 rows and columns is zero.
 *
 * @param chunk rows of a chunk, a multiple of 32 unless there is only one
 */
record PackedMatrix(MemorySegment data, int k, int n, int chunk) {
    static final int BLOCK = 32;
    private static final int PAIRS = BLOCK / 2;
    static final long BLOCK_BYTES = BLOCK * BLOCK * Short.BYTES;

    /** A row of a block in one vector, where vectors have 512 bits. */
    private static final VectorSpecies<Short> ROW = Lanes.I.withLanes(short.class);

    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    /** Of two rows of 32 elements, the first or the last 16 of each, taken in turn. */
    private static final ShortVector FIRST_PAIRS = pairs(0);

    private static final ShortVector LAST_PAIRS = pairs(PAIRS);

    /** Bytes that B takes. */
    static long bytes(int k, int n) {
        return (long) blocks(k) * blocks(n) * BLOCK_BYTES;
    }

    static int blocks(int extent) {
        return (extent + BLOCK - 1) / BLOCK;
    }

    /** Where the part of a chunk that begins with this column lies; both are beginnings of blocks. */
    long address(int row, int column) {
        return data.address() + offset(row, column);
    }

    /** Where block i of column block j lies, all rows being one chunk. */
    long block(int i, int j) {
        return offset(0, j * BLOCK) + i * BLOCK_BYTES;
    }

    private long offset(int row, int column) {
        long before = (long) row / BLOCK * blocks(n);
        return (before + (long) column / BLOCK * blocks(rows(row))) * BLOCK_BYTES;
    }

    /** Rows of the chunk that begins with this row. */
    int rows(int row) {
        return Math.min(chunk, k - row);
    }

    /** Fills it from BF16 elements with the whole team. */
    void fill(Team team, MemorySegment source, long stride, boolean transposed) {
        team.split(
                blocks(n),
                1,
                team.parts((long) k * n),
                (from, to) -> fill(source, stride, transposed, (int) from, (int) to));
    }

    /**
     * Fills the column blocks {@code [from, to)} of all chunks from a BF16 matrix.
     *
     * @param source B [k, n], or its transpose [n, k], rows {@code stride} elements apart
     */
    void fill(MemorySegment source, long stride, boolean transposed, int from, int to) {
        for (int row = 0; row < k; row += rows(row)) {
            int rowBlocks = blocks(rows(row));
            for (int j = from; j < to; j++) {
                long at = offset(row, j * BLOCK);
                int columns = Math.min(BLOCK, n - j * BLOCK);
                for (int i = 0; i < rowBlocks; i++) {
                    int first = row + i * BLOCK;
                    int rows = Math.min(BLOCK, row + rows(row) - first);
                    if (transposed) {
                        fillTransposed(source, j * (long) BLOCK * stride + first, stride, rows, columns, at);
                    } else {
                        fillPlain(source, first * stride + j * (long) BLOCK, stride, rows, columns, at);
                    }
                    at += BLOCK_BYTES;
                }
            }
        }
    }

    /**
     * Fills one of its blocks, all rows being one chunk, from an F32 matrix times a factor.
     *
     * @param source B [k, n], or its transpose [n, k], dense
     * @param rounded BF16 [32, 32] to work in
     */
    void fillBlock(int block, MemorySegment source, float factor, boolean transposed, MemorySegment rounded) {
        int i = block % blocks(k);
        int j = block / blocks(k);
        int rows = Math.min(BLOCK, k - i * BLOCK);
        int columns = Math.min(BLOCK, n - j * BLOCK);
        int height = transposed ? columns : rows;
        int width = transposed ? rows : columns;
        long stride = transposed ? k : n;
        long from = transposed ? j * BLOCK * stride + i * BLOCK : i * BLOCK * stride + j * BLOCK;
        if (height < BLOCK || width < BLOCK) {
            rounded.asSlice(0, BLOCK_BYTES).fill((byte) 0);
        }
        for (int y = 0; y < height; y++) {
            round(source, from + y * stride, factor, rounded, y * BLOCK, width);
        }
        if (transposed) {
            fillTransposed(rounded, 0, BLOCK, BLOCK, BLOCK, block(i, j));
        } else {
            fillPlain(rounded, 0, BLOCK, BLOCK, BLOCK, block(i, j));
        }
    }

    private static void round(MemorySegment source, long from, float factor, MemorySegment target, long to, int count) {
        int whole = Lanes.whole(count);
        for (int x = 0; x < whole; x += Lanes.WIDTH) {
            Floats.narrow(Lanes.load(source, from + x).mul(factor), target, to + x);
        }
        for (int x = whole; x < count; x++) {
            Floats.narrow(Lanes.get(source, from + x) * factor, target, to + x);
        }
    }

    /** A block of rows x columns whose first element is {@code source[from]}. */
    private void fillPlain(MemorySegment source, long from, long stride, int rows, int columns, long at) {
        if (rows == BLOCK && columns == BLOCK && Lanes.WIDTH == PAIRS) {
            fillWhole(source, from, stride, at);
            return;
        }
        int whole = Lanes.whole(columns);
        for (int p = 0; p < PAIRS; p++) {
            long upper = from + 2 * p * stride;
            long word = at + (long) p * BLOCK * Integer.BYTES;
            int vectors = 2 * p + 1 < rows ? whole : 0;
            for (int c = 0; c < vectors; c += Lanes.WIDTH) {
                IntVector low = words(source, upper + c);
                IntVector high = words(source, upper + stride + c);
                high.lanewise(VectorOperators.LSHL, 16)
                        .or(low)
                        .intoMemorySegment(data, word + (long) c * Integer.BYTES, ORDER);
            }
            for (int c = vectors; c < columns; c++) {
                int low = 2 * p < rows ? bits(source, upper + c) : 0;
                int high = 2 * p + 1 < rows ? bits(source, upper + stride + c) : 0;
                data.set(JAVA_INT, word + (long) c * Integer.BYTES, high << 16 | low);
            }
            for (int c = columns; c < BLOCK; c++) {
                data.set(JAVA_INT, word + (long) c * Integer.BYTES, 0);
            }
        }
    }

    private void fillWhole(MemorySegment source, long from, long stride, long at) {
        for (int p = 0; p < PAIRS; p++) {
            long upper = (from + 2 * p * stride) * Short.BYTES;
            long word = at + (long) p * BLOCK * Integer.BYTES;
            ShortVector low = ShortVector.fromMemorySegment(ROW, source, upper, ORDER);
            ShortVector high = ShortVector.fromMemorySegment(ROW, source, upper + stride * Short.BYTES, ORDER);
            FIRST_PAIRS.selectFrom(low, high).intoMemorySegment(data, word, ORDER);
            LAST_PAIRS.selectFrom(low, high).intoMemorySegment(data, word + PAIRS * Integer.BYTES, ORDER);
        }
    }

    /** The same from the transpose: a pair lies together, the columns {@code stride} elements apart. */
    private void fillTransposed(MemorySegment source, long from, long stride, int rows, int columns, long at) {
        if (rows == BLOCK && columns == BLOCK && from % 2 == 0 && stride % 2 == 0) {
            long words = stride / 2;
            Transposition.run(source, from / 2, words, data, at / Integer.BYTES, BLOCK);
            Transposition.run(source, from / 2 + PAIRS * words, words, data, at / Integer.BYTES + PAIRS, BLOCK);
            return;
        }
        for (int c = 0; c < BLOCK; c++) {
            long pair = (from + c * stride) * Short.BYTES;
            long word = at + (long) c * Integer.BYTES;
            int whole = c < columns ? rows / 2 : 0;
            for (int p = 0; p < whole; p++) {
                int both = source.get(JAVA_INT_UNALIGNED, pair + (long) p * Integer.BYTES);
                data.set(JAVA_INT, word + (long) p * BLOCK * Integer.BYTES, both);
            }
            for (int p = whole; p < PAIRS; p++) {
                int low = c < columns && 2 * p < rows ? bits(source, from + c * stride + 2 * p) : 0;
                data.set(JAVA_INT, word + (long) p * BLOCK * Integer.BYTES, low);
            }
        }
    }

    /** Bytes from one block of columns to the next, where there is one chunk. */
    long pitch() {
        return blocks(k) * BLOCK_BYTES;
    }

    /**
     * Writes the transpose, [n, k] with zeros up to whole blocks both ways, where there is one chunk.
     *
     * @param stride elements from one row to the next, even and at least k in whole blocks
     */
    void transpose(MemorySegment target, long stride) {
        long words = stride / 2;
        for (int j = 0; j < blocks(n); j++) {
            for (int i = 0; i < blocks(k); i++) {
                long from = (offset(0, j * BLOCK) + i * BLOCK_BYTES) / Integer.BYTES;
                long to = j * BLOCK * words + (long) i * PAIRS;
                Transposition.run(data, from, BLOCK, target, to, words);
                Transposition.run(data, from + PAIRS, BLOCK, target, to + PAIRS * words, words);
            }
        }
    }

    /** Some columns of a matrix of one chunk, from the beginning of a block on: whole blocks, or all that are left. */
    PackedMatrix columns(int from, int count) {
        return new PackedMatrix(data.asSlice(offset(0, from), bytes(k, count)), k, count, k);
    }

    /** The chunk that begins with this row. */
    PackedMatrix chunk(int row) {
        int rows = rows(row);
        return new PackedMatrix(data.asSlice(offset(row, 0), bytes(rows, n)), rows, n, rows);
    }

    /** Writes a row as fp32 to the beginning of the target, and zeros behind it up to a multiple of 32. */
    void widenRow(int row, MemorySegment target) {
        int first = row / chunk * chunk;
        int within = row - first;
        long word = offset(first, 0)
                + (long) within / BLOCK * BLOCK_BYTES
                + (long) (within % BLOCK / 2) * BLOCK * Integer.BYTES;
        long block = blocks(rows(first)) * BLOCK_BYTES;
        int up = within % 2 == 0 ? 16 : 0; // The lower half of a word goes up, the upper one stays.
        for (int column = 0; column < n; column += BLOCK, word += block) {
            for (int c = 0; c < BLOCK; c += Lanes.WIDTH) {
                IntVector pairs = IntVector.fromMemorySegment(Lanes.I, data, word + (long) c * Integer.BYTES, ORDER);
                pairs.lanewise(VectorOperators.LSHL, up)
                        .and(0xFFFF0000)
                        .intoMemorySegment(target, (long) (column + c) * Float.BYTES, ORDER);
            }
        }
    }

    /** Lanes below 32 are the upper row's, the others the lower row's. */
    private static ShortVector pairs(int first) {
        short[] lanes = new short[ROW.length()];
        for (int i = 0; i < lanes.length; i++) {
            lanes[i] = (short) (first + i / 2 + i % 2 * lanes.length);
        }
        return ShortVector.fromArray(ROW, lanes, 0);
    }

    /** Bytes that {@link #widenRow} writes. */
    long bytesOfRow() {
        return (long) blocks(n) * BLOCK * Float.BYTES;
    }

    /** Writes a row to that of a plain matrix, by way of memory of {@link #bytesOfRow}. */
    void copyRow(int row, MemorySegment between, Floats target, long to) {
        if (!target.half() && n % BLOCK == 0) {
            widenRow(row, target.data().asSlice(to * n * Float.BYTES));
            return;
        }
        widenRow(row, between);
        Floats.convert(new Floats(between, false), 0, target, to * n, n);
    }

    private static IntVector words(MemorySegment source, long at) {
        return (IntVector) ShortVector.fromMemorySegment(Floats.S, source, at * Short.BYTES, ORDER)
                .convertShape(VectorOperators.ZERO_EXTEND_S2I, Lanes.I, 0);
    }

    private static int bits(MemorySegment source, long at) {
        return Short.toUnsignedInt(source.getAtIndex(JAVA_SHORT, at));
    }
}
