package dev.lowrank.kernels.cpu;

import java.lang.foreign.MemorySegment;

/**
 * How rows of attention's tensors come to blocks and back. A block has a row for each head of each query, in this order, and whole
 * lines of 32 columns, the last filled up with zeros. One thread at a time.
 */
interface RowPasses {
    /** What this processor is fastest with. */
    static RowPasses best() {
        return CodedRows.works() ? new CodedRows() : new VectorRows();
    }

    /** Where some queries' heads lie side by side in a tensor: the first element, and elements from one query to the next. */
    record Place(long from, long stride, int queries, int heads, int width) {
        int lines() {
            return Bf16Layout.padded(width) / 32;
        }
    }

    /**
     * Copies rows to a block.
     *
     * @param next a tensor whose rows at the same place are read or written soon, so they may be brought nearer
     */
    void gather(MemorySegment tensor, Place place, MemorySegment block, MemorySegment next);

    /** {@code tensor = numbers[row] * block}, rounded, from fp32. */
    void scatter(MemorySegment block, MemorySegment numbers, MemorySegment tensor, Place place);

    /** The product of each row of a with that of b, as the row's delta. */
    void dots(MemorySegment a, MemorySegment b, Place place, ScoreRows rows);
}
