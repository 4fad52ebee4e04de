package dev.lowrank.engine.data;

import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvRecord;
import dev.lowrank.engine.Quoted;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** Rows of comma-separated values (RFC 4180), the first one naming the columns. */
final class CsvRows implements RowSource {
    private static final Pattern LINE = Pattern.compile("line (\\d{1,18})");

    private final CsvReader<CsvRecord> reader;
    private final CsvText text;
    private final Iterator<CsvRecord> records;
    private List<String> columns = List.of();
    private boolean begun;
    private boolean ended;
    private long line;

    private CsvRows(CsvText text, DatasetLimits limits) {
        this.text = text;
        this.reader = CsvReader.builder()
                .allowExtraFields(true)
                .allowMissingFields(true)
                .maxBufferSize(limits.lineBytes())
                .ofCsvRecord(text);
        this.records = reader.iterator();
    }

    static CsvRows of(InputStream in, DatasetLimits limits) {
        return new CsvRows(new CsvText(in), limits);
    }

    @Override
    public FileKind kind() {
        return FileKind.CSV;
    }

    @Override
    public long lines() {
        return text.lines();
    }

    @Override
    public void close() throws IOException {
        reader.close();
    }

    @Override
    public @Nullable RawRow next() throws IOException {
        if (ended) {
            return null;
        }
        try {
            if (!begun) {
                begun = true;
                String wrong = readHeader();
                if (wrong != null) {
                    ended = true;
                    return RawRow.broken(1, wrong);
                }
            }
            if (!records.hasNext()) {
                ended = true;
                return text.quotesArePaired() ? null : RawRow.broken(Math.max(1, line), unpaired());
            }
            CsvRecord record = records.next();
            line = record.getStartingLineNumber();
            return new RawRow(line, () -> row(record));
        } catch (CsvParseException e) {
            ended = true;
            return RawRow.broken(begin(e), unreadable(e));
        } catch (UncheckedIOException e) {
            ended = true;
            if (e.getCause() instanceof CsvText.BadCharacters) {
                return RawRow.broken(text.lines(), "The file is not valid UTF-8 here; save it as CSV in UTF-8.");
            }
            throw e.getCause();
        }
    }

    /** Reads the names of the columns; returns what is wrong with them, or null. */
    private @Nullable String readHeader() {
        if (!records.hasNext()) {
            return null;
        }
        columns = records.next().getFields().stream().map(String::strip).toList();
        Set<String> names = new HashSet<>();
        for (String column : columns) {
            if (!column.isEmpty() && !names.add(column)) {
                return "The column %s is named twice; keep one of them.".formatted(Quoted.of(column));
            }
        }
        if (RowShape.isTold(names)) {
            return null;
        }
        String only = columns.size() == 1 ? columns.getFirst() : "";
        return only.contains(";") || only.contains("\t")
                ? "The columns are separated by %s; save the file with commas between them."
                        .formatted(only.contains(";") ? "semicolons" : "tabs")
                : "The first line names no column that tells the format (it names %s); name the columns as in %s."
                        .formatted(Quoted.of(String.join(", ", columns), 120), RowShape.known());
    }

    private static String unpaired() {
        return "A quote (\") is opened and not closed in this row or before it; close it, and write a quote inside of a cell twice.";
    }

    /** The parser tells where the row began only in its message. */
    private long begin(CsvParseException e) {
        Matcher number = LINE.matcher(String.valueOf(e.getMessage()));
        return number.find() ? Long.parseLong(number.group(1)) : line + 1;
    }

    private String unreadable(CsvParseException e) {
        Throwable cause = e.getCause() == null ? e : e.getCause();
        return "The file cannot be read as CSV after line %d (%s); put cells that hold commas, quotes or line breaks in quotes, and write their quotes twice."
                .formatted(Math.max(1, line), Quoted.of(String.valueOf(cause.getMessage()), 120));
    }

    private JsonNode row(CsvRecord record) {
        if (record.getFieldCount() != columns.size()) {
            throw new RowException(
                    "",
                    "The row has %d cells, but the first line names %d columns; put cells that hold commas, quotes or line breaks in quotes."
                            .formatted(record.getFieldCount(), columns.size()));
        }
        ObjectNode row = JsonNodeFactory.instance.objectNode();
        for (int i = 0; i < columns.size(); i++) {
            String column = columns.get(i);
            JsonNode cell = Cells.read(column, record.getField(i));
            if (cell != null) {
                row.set(column, cell);
            }
        }
        return row;
    }
}
