package dev.lowrank.kernels.cpu;

import java.lang.foreign.MemorySegment;

/** Copies of rows with zeros behind them, for code that reads whole blocks. */
final class PaddedRows {
    /** All of memory, so that an address alone says what is read. */
    static final MemorySegment EVERYTHING = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private final Scratch copy = new Scratch();

    /** The factors with A copied, and k rounded up to a multiple. */
    StripProduct.Factors of(StripProduct.Factors f, int m, int multiple) {
        return of(f, m, m, multiple);
    }

    /** The same with rows of zeros below the m rows. */
    StripProduct.Factors of(StripProduct.Factors f, int m, int rowsInAll, int multiple) {
        int k = (f.k() + multiple - 1) / multiple * multiple;
        long row = (long) k * Short.BYTES;
        long bytes = (long) f.k() * Short.BYTES;
        MemorySegment rows = copy.atLeast(rowsInAll * row); // [rows in all, k rounded up]
        for (long i = 0; i < m; i++) {
            MemorySegment.copy(EVERYTHING, f.a() + i * f.stride() * Short.BYTES, rows, i * row, bytes);
            rows.asSlice(i * row + bytes, row - bytes).fill((byte) 0);
        }
        rows.asSlice(m * row, (rowsInAll - m) * row).fill((byte) 0);
        return new StripProduct.Factors(rows.address(), k, f.b(), f.pitch(), k);
    }

    void close() {
        copy.close();
    }
}
