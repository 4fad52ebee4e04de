package dev.lowrank.engine.parquet;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The values of a page, one after another: Boolean, Long, Double or String. */
interface Values {
    Object next();

    /**
     * The values of a page's rest.
     *
     * @param encoding as Parquet numbers it
     * @param most how many values there can be
     * @param dictionary the chunk's, empty if it has none
     */
    static Values of(SchemaNode leaf, int encoding, Bytes bytes, int most, Dictionary dictionary, Bounds bounds) {
        return switch (encoding) {
            case 0 -> plain(leaf, bytes, bounds);
            case 2, 8 -> indices(bytes, dictionary);
            case 3 -> booleans(leaf, bytes, bounds);
            case 5 -> deltas(leaf, bytes, most, bounds);
            case 6 -> lengths(leaf, bytes, most, bounds);
            case 7 -> suffixes(leaf, bytes, most, bounds);
            case 9 -> split(leaf, bytes, bounds);
            default ->
                throw new ParquetException(
                        "A page has encoding %d, which is not read here; write the file with the usual encodings."
                                .formatted(encoding));
        };
    }

    private static Values plain(SchemaNode leaf, Bytes bytes, Bounds bounds) {
        if (leaf.physical() == SchemaNode.BOOLEAN) {
            long begin = 8L * bytes.at;
            long[] bit = {begin};
            return () -> {
                bounds.value(1);
                return bytes.bits(bit[0]++, 1) == 1;
            };
        }
        return () -> one(leaf, bytes, bounds);
    }

    /** One value as it stands in plain pages and dictionaries. */
    static Object one(SchemaNode leaf, Bytes bytes, Bounds bounds) {
        if (leaf.physical() == SchemaNode.BYTES) {
            int length = bytes.int32();
            return text(bytes, bytes.take(length), length, bounds);
        }
        bounds.value(8);
        return switch (leaf.physical()) {
            case SchemaNode.INT32 -> whole(leaf, bytes.int32());
            case SchemaNode.INT64 -> bytes.int64();
            case SchemaNode.FLOAT -> (double) Float.intBitsToFloat(bytes.int32());
            case SchemaNode.DOUBLE -> Double.longBitsToDouble(bytes.int64());
            default -> throw ParquetException.damaged("values of a type that is not read");
        };
    }

    private static Object whole(SchemaNode leaf, int value) {
        return leaf.unsigned() ? Integer.toUnsignedLong(value) : (long) value;
    }

    private static String text(Bytes bytes, int from, int length, Bounds bounds) {
        bounds.value(length);
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes.array, from, length))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new ParquetException("A text is not valid UTF-8; write the column as strings.");
        }
    }

    private static Values indices(Bytes bytes, Dictionary dictionary) {
        RunReader runs = new RunReader(bytes, bytes.left() == 0 ? 0 : bytes.next());
        return () -> dictionary.get(runs.next());
    }

    private static Values booleans(SchemaNode leaf, Bytes bytes, Bounds bounds) {
        require(leaf.physical() == SchemaNode.BOOLEAN);
        int length = bytes.int32();
        int from = bytes.take(length);
        RunReader runs = new RunReader(new Bytes(bytes.array, from, from + length), 1);
        return () -> {
            bounds.value(1);
            return runs.next() == 1;
        };
    }

    private static Values deltas(SchemaNode leaf, Bytes bytes, int most, Bounds bounds) {
        require(leaf.physical() == SchemaNode.INT32 || leaf.physical() == SchemaNode.INT64);
        DeltaReader numbers = new DeltaReader(bytes, most);
        return () -> {
            bounds.value(8);
            long value = numbers.next();
            return leaf.physical() == SchemaNode.INT32 ? whole(leaf, (int) value) : (Object) value;
        };
    }

    private static Values lengths(SchemaNode leaf, Bytes bytes, int most, Bounds bounds) {
        require(leaf.physical() == SchemaNode.BYTES);
        DeltaReader lengths = numbersBefore(bytes, most);
        return () -> {
            long length = lengths.next();
            int from = bytes.take(length);
            return text(bytes, from, (int) length, bounds);
        };
    }

    /** Texts that share their beginning with the one before. */
    private static Values suffixes(SchemaNode leaf, Bytes bytes, int most, Bounds bounds) {
        require(leaf.physical() == SchemaNode.BYTES);
        DeltaReader shared = numbersBefore(bytes, most);
        DeltaReader lengths = numbersBefore(bytes, most);
        byte[][] last = {new byte[0]};
        return () -> {
            long prefix = shared.next();
            long suffix = lengths.next();
            int from = bytes.take(suffix);
            if (prefix < 0 || prefix > last[0].length || prefix + suffix > Bounds.ROW) {
                throw ParquetException.damaged("a text shares more than there is");
            }
            byte[] whole = Arrays.copyOf(last[0], (int) (prefix + suffix));
            System.arraycopy(bytes.array, from, whole, (int) prefix, (int) suffix);
            last[0] = whole;
            return text(new Bytes(whole, 0, whole.length), 0, whole.length, bounds);
        };
    }

    /** A reader of the numbers that come next; the bytes are left standing behind them. */
    private static DeltaReader numbersBefore(Bytes bytes, int most) {
        DeltaReader numbers = new DeltaReader(new Bytes(bytes.array, bytes.at, bytes.end), most);
        new DeltaReader(bytes, most).skip();
        return numbers;
    }

    /** Numbers of which all first bytes come first, then all second ones, … */
    private static Values split(SchemaNode leaf, Bytes bytes, Bounds bounds) {
        boolean wide = leaf.physical() == SchemaNode.INT64 || leaf.physical() == SchemaNode.DOUBLE;
        require(wide || leaf.physical() == SchemaNode.INT32 || leaf.physical() == SchemaNode.FLOAT);
        int size = wide ? 8 : 4;
        int count = bytes.left() / size;
        int from = bytes.at;
        int[] read = {0};
        byte[] joined = new byte[size];
        return () -> {
            if (read[0] == count) {
                throw ParquetException.damaged("a page ends early");
            }
            for (int i = 0; i < size; i++) {
                joined[i] = bytes.array[from + i * count + read[0]];
            }
            read[0]++;
            return one(leaf, new Bytes(joined, 0, size), bounds);
        };
    }

    private static void require(boolean fits) {
        if (!fits) {
            throw ParquetException.damaged("a page's encoding does not fit its type");
        }
    }
}
