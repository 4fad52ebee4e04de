package dev.lowrank.engine.parquet;

import dev.lowrank.engine.Quoted;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * The entries of a leaf column in one row group, one after another: how deep each is defined, at which list it goes on, and
 * its value if it has one. Holds one page and the dictionary.
 */
final class ColumnCursor {
    private static final int HEADER = 1 << 12;

    private final FileChannel file;
    private final SchemaNode leaf;
    private final Footer.Chunk chunk;
    private final Bounds bounds;
    private long position;
    private long entriesLeft;
    private Dictionary dictionary;
    private long heldDictionary;
    private long heldPage;
    private @Nullable RunReader repetitions;
    private @Nullable RunReader definitions;
    private @Nullable Values values;
    private int inPage;
    private boolean loaded;
    private int repetition;
    private int definition;

    ColumnCursor(FileChannel file, SchemaNode leaf, Footer.Chunk chunk, Bounds bounds) {
        this.file = file;
        this.leaf = leaf;
        this.chunk = chunk;
        this.bounds = bounds;
        this.position = chunk.start();
        this.entriesLeft = chunk.entries();
        this.dictionary = Dictionary.none(leaf, bounds);
    }

    /** Whether there is an entry; it is then the current one. */
    boolean hasEntry() {
        if (!loaded && entriesLeft > 0) {
            load();
        }
        return loaded;
    }

    /** At which list the current entry goes on: 0 begins a row. */
    int repetition() {
        requireEntry();
        return repetition;
    }

    int definition() {
        requireEntry();
        return definition;
    }

    /** The value of the current entry, or null if there is none so deep; goes on to the next. */
    @Nullable
    Object take() {
        requireEntry();
        loaded = false;
        bounds.entry();
        Values present = values;
        return definition == leaf.maxDefinition() && present != null ? present.next() : null;
    }

    /** Gives back what it holds. */
    void close() {
        bounds.release(heldPage + heldDictionary);
        heldPage = 0;
        heldDictionary = 0;
    }

    private void requireEntry() {
        if (!hasEntry()) {
            throw ParquetException.damaged("column %s ends early".formatted(Quoted.of(leaf.name())));
        }
    }

    private void load() {
        while (inPage == 0) {
            readPage();
        }
        inPage--;
        entriesLeft--;
        repetition = level(repetitions, leaf.maxRepetition());
        definition = level(definitions, leaf.maxDefinition());
        loaded = true;
    }

    private static int level(@Nullable RunReader levels, int most) {
        int level = levels == null ? most : levels.next();
        if (level < 0 || level > most) {
            throw ParquetException.damaged("level %d of %d".formatted(level, most));
        }
        return level;
    }

    private void readPage() {
        try {
            long left = chunk.start() + chunk.bytes() - position;
            if (left <= 0) {
                throw ParquetException.damaged("column %s ends early".formatted(Quoted.of(leaf.name())));
            }
            ThriftStruct header = header(left, HEADER);
            int stored = header.number(3, 0, Bounds.PAGE);
            int size = header.number(2, 0, Bounds.PAGE);
            if (stored > chunk.start() + chunk.bytes() - position) {
                throw ParquetException.damaged("a page goes beyond its column");
            }
            bounds.release(heldPage);
            heldPage = (long) stored + size;
            bounds.hold(heldPage);
            byte[] bytes = Footer.bytes(file, position, stored).array();
            position += stored;
            checkSum(header, bytes);
            readPage(header, bytes, size);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private ThriftStruct header(long left, int window) throws IOException {
        int length = (int) Math.min(left, window);
        byte[] bytes = Footer.bytes(file, position, length).array();
        try {
            ThriftReader reader = new ThriftReader(bytes, 0, length);
            ThriftStruct header = reader.struct();
            position += reader.position();
            return header;
        } catch (ThriftReader.Short e) {
            // Statistics may hold whole values: look at more.
            if (length == left || window >= Bounds.FOOTER) {
                throw e;
            }
            return header(left, 16 * window);
        }
    }

    private static void checkSum(ThriftStruct header, byte[] bytes) {
        if (header.has(4)) {
            CRC32 sum = new CRC32();
            sum.update(bytes);
            if ((int) sum.getValue() != (int) header.number(4)) {
                throw ParquetException.damaged("a page's checksum is wrong");
            }
        }
    }

    private void readPage(ThriftStruct header, byte[] bytes, int size) {
        switch ((int) header.number(1)) {
            case 0 -> dataPage(header.required(5), bytes, size);
            case 2 -> dictionaryPage(header.required(7), bytes, size);
            case 3 -> dataPage2(header.required(8), bytes, size);
            default -> {} // an index page, or one of a kind not yet known: readers skip them
        }
    }

    private void dictionaryPage(ThriftStruct header, byte[] bytes, int size) {
        byte[] page = Codec.decompress(chunk.codec(), bytes, 0, bytes.length, size);
        dictionary = Dictionary.of(leaf, page, header.number(1, 0, Integer.MAX_VALUE), bounds);
        bounds.release(heldDictionary);
        heldDictionary = page.length + dictionary.bytes();
        bounds.hold(heldDictionary);
    }

    private void dataPage(ThriftStruct header, byte[] bytes, int size) {
        Bytes page = whole(Codec.decompress(chunk.codec(), bytes, 0, bytes.length, size));
        start(header.number(1, 0, Integer.MAX_VALUE));
        repetitions = leaf.maxRepetition() == 0 ? null : levels(page, header.number(4), leaf.maxRepetition());
        definitions = leaf.maxDefinition() == 0 ? null : levels(page, header.number(3), leaf.maxDefinition());
        values = Values.of(leaf, (int) header.number(2), page, inPage, dictionary, bounds);
    }

    private static RunReader levels(Bytes page, long encoding, int most) {
        if (encoding != 3) {
            throw new ParquetException("The file's levels have an encoding that is long given up; write it anew.");
        }
        int length = page.int32();
        int from = page.take(length);
        return new RunReader(new Bytes(page.array, from, from + length), width(most));
    }

    private void dataPage2(ThriftStruct header, byte[] bytes, int size) {
        int repetitionBytes = header.number(6, 0, bytes.length);
        int definitionBytes = header.number(5, 0, bytes.length - repetitionBytes);
        int levels = repetitionBytes + definitionBytes;
        if (levels > size) {
            throw ParquetException.damaged("a page is shorter than its levels");
        }
        int codec = header.flag(7, true) ? chunk.codec() : 0;
        start(header.number(1, 0, Integer.MAX_VALUE));
        repetitions = leaf.maxRepetition() == 0
                ? null
                : new RunReader(new Bytes(bytes, 0, repetitionBytes), width(leaf.maxRepetition()));
        definitions = leaf.maxDefinition() == 0
                ? null
                : new RunReader(new Bytes(bytes, repetitionBytes, levels), width(leaf.maxDefinition()));
        Bytes page = whole(Codec.decompress(codec, bytes, levels, bytes.length, size - levels));
        values = Values.of(leaf, (int) header.number(4), page, inPage, dictionary, bounds);
    }

    /** @param entries how many the page says it has */
    private void start(int entries) {
        if (entries > entriesLeft) {
            throw ParquetException.damaged("a page has %d entries, its column %d".formatted(entries, entriesLeft));
        }
        bounds.entries(entries);
        inPage = entries;
    }

    private static Bytes whole(byte[] bytes) {
        return new Bytes(bytes, 0, bytes.length);
    }

    private static int width(int most) {
        return 32 - Integer.numberOfLeadingZeros(most);
    }
}
