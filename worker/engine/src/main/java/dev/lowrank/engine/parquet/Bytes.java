package dev.lowrank.engine.parquet;

/**
 * A stretch of a page, read from its beginning on; what lies beyond its end is never read.
 *
 * <p>Numbers are little-endian, as all in Parquet's pages.
 */
final class Bytes {
    final byte[] array;
    final int end;
    int at;

    Bytes(byte[] array, int from, int end) {
        if (from < 0 || end < from || end > array.length) {
            throw ParquetException.damaged("a part of a page lies outside of it");
        }
        this.array = array;
        this.at = from;
        this.end = end;
    }

    int left() {
        return end - at;
    }

    /** Goes on by this many bytes; returns where they begin. */
    int take(long count) {
        if (count < 0 || count > left()) {
            throw ParquetException.damaged("a page ends early");
        }
        int from = at;
        at += (int) count;
        return from;
    }

    int next() {
        return array[take(1)] & 0xFF;
    }

    int int32() {
        return (int) little(take(4), 4);
    }

    long int64() {
        return little(take(8), 8);
    }

    /** The number in the next bytes, eight of them at most. */
    long number(int bytes) {
        return little(take(bytes), bytes);
    }

    private long little(int from, int bytes) {
        long value = 0;
        for (int i = bytes - 1; i >= 0; i--) {
            value = value << 8 | array[from + i] & 0xFF;
        }
        return value;
    }

    long varint() {
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            int b = next();
            value |= (long) (b & 127) << shift;
            if (b < 128) {
                return value;
            }
        }
        throw ParquetException.damaged("a number is too long");
    }

    long zigzag() {
        long value = varint();
        return (value >>> 1) ^ -(value & 1);
    }

    /**
     * A number packed into bits, the lowest first.
     *
     * @param bit where it begins, counted from the array's first byte
     * @param width bits of the number, at most 64
     */
    long bits(long bit, int width) {
        long value = 0;
        for (int got = 0; got < width; ) {
            int place = (int) (bit >>> 3);
            if (place >= end) {
                throw ParquetException.damaged("a page ends early");
            }
            int shift = (int) (bit & 7);
            int count = Math.min(8 - shift, width - got);
            long part = (array[place] & 0xFF) >>> shift & (1 << count) - 1;
            value |= part << got;
            got += count;
            bit += count;
        }
        return value;
    }
}
