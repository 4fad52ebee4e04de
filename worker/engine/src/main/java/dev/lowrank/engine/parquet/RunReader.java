package dev.lowrank.engine.parquet;

/** Numbers in runs, each of one repeated value or of packed bits: levels, indices of a dictionary, booleans. */
final class RunReader {
    private final Bytes bytes;
    private final int width;
    private long left;
    private boolean packed;
    private long bit;
    private int repeated;

    /** @param width bits of a number */
    RunReader(Bytes bytes, int width) {
        if (width > 32) {
            throw ParquetException.damaged("numbers of %d bits".formatted(width));
        }
        this.bytes = bytes;
        this.width = width;
    }

    int next() {
        while (left == 0) {
            startRun();
        }
        left--;
        if (!packed) {
            return repeated;
        }
        int value = (int) bytes.bits(bit, width);
        bit += width;
        return value;
    }

    private void startRun() {
        long head = bytes.varint();
        packed = (head & 1) == 1;
        long count = head >>> 1;
        if (count > Integer.MAX_VALUE) {
            throw ParquetException.damaged("a run of %d numbers".formatted(count));
        }
        if (packed) {
            left = 8 * count;
            // The last run's padding may be missing.
            bit = 8L * bytes.take(Math.min(bytes.left(), count * width));
        } else {
            left = count;
            repeated = (int) bytes.number((width + 7) / 8);
        }
    }
}
