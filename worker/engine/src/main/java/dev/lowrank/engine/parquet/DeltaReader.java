package dev.lowrank.engine.parquet;

/**
 * Whole numbers as differences (DELTA_BINARY_PACKED): blocks of small ones, each with a least difference and the bits that
 * the rest of each difference takes.
 */
final class DeltaReader {
    private static final int LARGEST_BLOCK = 1 << 16;
    private static final int MOST_PARTS = 1 << 10;

    private final Bytes bytes;
    private final int parts;
    private final int partSize;
    private final long total;
    private final int[] widths;
    private long read;
    private long value;
    private long least;
    private int part;
    private int leftInPart;
    private long bit;

    DeltaReader(Bytes bytes, long mostValues) {
        this.bytes = bytes;
        long block = bytes.varint();
        long count = bytes.varint();
        total = bytes.varint();
        value = bytes.zigzag();
        if (block < 1 || block > LARGEST_BLOCK || count < 1 || count > MOST_PARTS || block % (8 * count) != 0) {
            throw ParquetException.damaged("blocks of %d in %d parts".formatted(block, count));
        }
        if (total < 0 || total > mostValues) {
            throw ParquetException.damaged("a page has %d values, not %d".formatted(total, mostValues));
        }
        parts = (int) count;
        partSize = (int) (block / count);
        widths = new int[parts];
        part = parts;
    }

    long next() {
        if (read == total) {
            throw ParquetException.damaged("a page ends early");
        }
        if (read > 0) {
            value += difference();
        }
        read++;
        return value;
    }

    private long difference() {
        if (leftInPart == 0) {
            startPart();
        }
        leftInPart--;
        long rest = bytes.bits(bit, widths[part]);
        bit += widths[part];
        return least + rest;
    }

    private void startPart() {
        part++;
        if (part >= parts) {
            least = bytes.zigzag();
            for (int i = 0; i < parts; i++) {
                widths[i] = bytes.next();
            }
            part = 0;
        }
        if (widths[part] > 64) {
            throw ParquetException.damaged("numbers of %d bits".formatted(widths[part]));
        }
        leftInPart = partSize;
        bit = 8L * bytes.take(Math.min(bytes.left(), (long) partSize * widths[part] / 8));
    }

    /** Reads what is left, so that the bytes stand where the numbers end. */
    void skip() {
        while (read < total) {
            next();
        }
    }
}
