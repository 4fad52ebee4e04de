package dev.lowrank.engine.data;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.spec.DataFormat;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** One reading of a dataset for training: stops at the first row that cannot be used. */
abstract sealed class RowLoad permits DatasetLoad, PreferenceLoad {
    final @Nullable RowEncoder encoder;
    final ExampleChecks checks;
    final int maxLength;

    private final String name;
    private final RowReader reader;
    private int lostRows;
    private long firstLost;

    RowLoad(Path file, DataFormat format, @Nullable RowEncoder encoder, int vocabularySize, int maxLength) {
        if (maxLength < 2) {
            throw new IllegalArgumentException("maxLength is " + maxLength);
        }
        this.name = String.valueOf(file.getFileName());
        this.encoder = encoder;
        this.checks = new ExampleChecks(vocabularySize);
        this.maxLength = maxLength;
        this.reader = new RowReader(format);
    }

    /**
     * Takes a row in.
     *
     * @return whether there is still something to learn from after the cut
     * @throws RowException if the row cannot be used
     */
    abstract boolean add(Row row);

    abstract boolean isEmpty();

    /** What the rows are, once they are read. */
    DataFormat format() {
        return reader.format();
    }

    void read(Path file) {
        String unit;
        try (RowSource rows = DatasetFile.open(file)) {
            unit = rows.kind().unit();
            for (RawRow row = rows.next(); row != null; row = rows.next()) {
                add(row, unit);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot read " + file, e);
        }
        if (lostRows > 0) {
            throw new InputException(
                    "%s: %d rows (the first on %s %d) lose every trained token when cut off at max_length %d; raise max_length or shorten them."
                            .formatted(name, lostRows, unit, firstLost, maxLength));
        }
        if (isEmpty()) {
            throw new InputException("%s holds no rows; write one JSON object a line.".formatted(name));
        }
    }

    private void add(RawRow row, String unit) {
        try {
            if (!add(reader.read(row))) {
                firstLost = lostRows == 0 ? row.line() : firstLost;
                lostRows++;
            }
        } catch (RowException e) {
            throw new InputException("%s, %s %d: %s".formatted(name, unit, row.line(), e.problem()));
        }
    }
}
