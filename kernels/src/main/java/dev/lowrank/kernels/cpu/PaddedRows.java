package dev.lowrank.kernels.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/** Copies of rows with zeros behind them, for code that reads whole blocks. */
final class PaddedRows {
    /** All of memory, so that an address alone says what is read. */
    static final MemorySegment EVERYTHING = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private static final VectorSpecies<Short> HALVES = ShortVector.SPECIES_PREFERRED;

    private final Scratch copy = new Scratch();

    /** The factors with A copied, and k rounded up to a multiple, itself one of 32: rows are written by whole vectors. */
    StripProduct.Factors of(StripProduct.Factors f, int m, int multiple) {
        return of(f, m, m, multiple);
    }

    /** The same with rows of zeros below the m rows. */
    StripProduct.Factors of(StripProduct.Factors f, int m, int rowsInAll, int multiple) {
        int k = (f.k() + multiple - 1) / multiple * multiple;
        long row = (long) k * Short.BYTES;
        MemorySegment rows = copy.atLeast(rowsInAll * row); // [rows in all, k rounded up]
        for (int at = 0; at < k; at += HALVES.length()) {
            columns(f, m, at, rows, row);
        }
        rows.asSlice(m * row, (rowsInAll - m) * row).fill((byte) 0);
        return new StripProduct.Factors(rows.address(), k, f.b(), f.pitch(), k);
    }

    /** As many columns as a vector has from {@code at} on; those that are not there become zeros. */
    private static void columns(StripProduct.Factors f, int m, int at, MemorySegment rows, long row) {
        VectorMask<Short> there = HALVES.indexInRange(at, f.k());
        for (long i = 0; i < m; i++) {
            long from = f.a() + (i * f.stride() + at) * Short.BYTES;
            ShortVector.fromMemorySegment(HALVES, EVERYTHING, from, ByteOrder.nativeOrder(), there)
                    .intoMemorySegment(rows, i * row + (long) at * Short.BYTES, ByteOrder.nativeOrder());
        }
    }

    void close() {
        copy.close();
    }
}
