package dev.lowrank.engine.parquet;

/** How far a reading goes: memory held at once, and all that a file may unfold to. */
final class Bounds {
    /** Most bytes of the description at the file's end. */
    static final int FOOTER = 16 << 20;
    /** Most bytes of a page, compressed or not. */
    static final int PAGE = 64 << 20;
    /** Most bytes of all pages and dictionaries held at once. */
    static final long HELD = 512L << 20;
    /** Most bytes of a row's values. */
    static final int ROW = 16 << 20;
    /** Most values of a row. */
    static final int ROW_VALUES = 2_000_000;
    /** What a file may unfold to: this, and {@link #FOLD} times its size. */
    static final long UNFOLDED = 1L << 30;

    static final long FOLD = 200;

    private final long most;
    private long held;
    private long unfolded;
    private long rowBytes;
    private int rowValues;

    Bounds(long fileSize) {
        most = UNFOLDED + FOLD * fileSize;
    }

    void startRow() {
        rowBytes = 0;
        rowValues = 0;
        unfold(16);
    }

    /** A value of this many bytes goes into the row. */
    void value(int bytes) {
        rowBytes += bytes;
        unfold(bytes);
        checkRow();
    }

    /** An entry, a value or the lack of one, goes into the row. */
    void entry() {
        rowValues++;
        checkRow();
    }

    private void checkRow() {
        if (rowBytes > ROW || rowValues > ROW_VALUES) {
            throw new ParquetException(
                    "The row holds more than %d bytes or %d values; shorten or split it.".formatted(ROW, ROW_VALUES));
        }
    }

    /** Entries of a page, present or not. */
    void entries(long count) {
        unfold(8 * count);
    }

    private void unfold(long bytes) {
        unfolded += bytes;
        if (unfolded > most) {
            throw new ParquetException(
                    "The Parquet file unfolds to more than %d bytes, far beyond its size; write it as several files."
                            .formatted(most));
        }
    }

    void hold(long bytes) {
        held += bytes;
        if (held > HELD) {
            throw new ParquetException(
                    "The columns need more than %d bytes at once; write the file with smaller pages or fewer columns."
                            .formatted(HELD));
        }
    }

    void release(long bytes) {
        held -= bytes;
    }
}
