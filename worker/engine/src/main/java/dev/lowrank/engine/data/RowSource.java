package dev.lowrank.engine.data;

import java.io.Closeable;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** The rows of a file, one after another. */
interface RowSource extends Closeable {
    FileKind kind();

    /**
     * The next row, or null at the end. Where a file is broken so that nothing after that place can be read, the last row
     * says so.
     *
     * @throws IOException if the file cannot be read
     */
    @Nullable
    RawRow next() throws IOException;

    /** Lines (or, for Parquet, rows) read so far. */
    long lines();

    @Override
    void close() throws IOException;
}
