package dev.lowrank.engine.data;

import java.io.InputStream;
import java.nio.file.Path;

/** Rows of a Parquet file. */
final class ParquetRows {
    private ParquetRows() {}

    static RowSource open(Path file) {
        return new RefusedFile(InputStream.nullInputStream(), "The file is a Parquet file; save it as JSON Lines.");
    }

    static RowSource spool(InputStream in) {
        return new RefusedFile(in, "The file is a Parquet file; save it as JSON Lines.");
    }
}
