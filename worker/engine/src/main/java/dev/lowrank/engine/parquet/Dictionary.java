package dev.lowrank.engine.parquet;

/** The distinct values of a column, which pages name by number; decoded only when they are named. */
final class Dictionary {
    private final SchemaNode leaf;
    private final Bytes bytes;
    private final int[] starts;
    private final Bounds bounds;

    private Dictionary(SchemaNode leaf, Bytes bytes, int[] starts, Bounds bounds) {
        this.leaf = leaf;
        this.bytes = bytes;
        this.starts = starts;
        this.bounds = bounds;
    }

    static Dictionary none(SchemaNode leaf, Bounds bounds) {
        return new Dictionary(leaf, new Bytes(new byte[0], 0, 0), new int[0], bounds);
    }

    /** @param count how many values the page says it has; each takes a byte at least */
    static Dictionary of(SchemaNode leaf, byte[] page, int count, Bounds bounds) {
        if (leaf.physical() == SchemaNode.BOOLEAN || count < 0 || count > page.length / 4) {
            throw ParquetException.damaged("a dictionary of %d values".formatted(count));
        }
        Bytes bytes = new Bytes(page, 0, page.length);
        int[] starts = new int[count];
        int size = leaf.physical() == SchemaNode.INT64 || leaf.physical() == SchemaNode.DOUBLE ? 8 : 4;
        for (int i = 0; i < count; i++) {
            starts[i] = bytes.at;
            int length = leaf.physical() == SchemaNode.BYTES ? bytes.int32() : size;
            bytes.take(length);
        }
        return new Dictionary(leaf, bytes, starts, bounds);
    }

    /** Bytes it takes beside its page's. */
    long bytes() {
        return 4L * starts.length;
    }

    Object get(int index) {
        if (index < 0 || index >= starts.length) {
            throw ParquetException.damaged("value %d of a dictionary of %d".formatted(index, starts.length));
        }
        return Values.one(leaf, new Bytes(bytes.array, starts[index], bytes.end), bounds);
    }
}
