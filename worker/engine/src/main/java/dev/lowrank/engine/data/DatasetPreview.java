package dev.lowrank.engine.data;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.spec.DataFormat;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A dataset as a model will see it: some rows token by token, and figures of all. Rows that cannot be trained on are
 * listed, not thrown.
 *
 * @param kind how the rows lie in the file
 * @param format what the rows are; AUTO only if no row told
 * @param maxLength tokens after which a row is cut off
 * @param rows how many could be read as tokens
 * @param trainedTokens tokens that carry loss after the cut
 * @param truncatedRows rows longer than the maximum length
 * @param emptyRows rows that have nothing to learn from after the cut
 * @param duplicates rows whose tokens and labels are those of an earlier one
 * @param lengths of rows, or of both sides of each pair
 * @param views the rows asked for, of a pair both sides
 * @param notices what works, but may not be meant: one sentence each
 * @param problems the first rows that could not be read
 */
public record DatasetPreview(
        FileKind kind,
        DataFormat format,
        int maxLength,
        long rows,
        long trainedTokens,
        long truncatedRows,
        long emptyRows,
        long duplicates,
        LengthHistogram lengths,
        List<RowView> views,
        List<String> notices,
        List<RowProblem> problems,
        long problemCount) {
    /**
     * Reads a whole file, keeping only some rows.
     *
     * @param encoder null shows tokenized rows as bare ids
     * @param firstRow the first row to keep for viewing, counted from 0
     * @param rows how many rows to keep
     * @throws InputException if the file is missing
     */
    public static DatasetPreview of(
            Path file, DataFormat format, @Nullable RowEncoder encoder, int maxLength, long firstRow, int rows) {
        try (RowSource source = DatasetFile.open(file)) {
            return new PreviewReading(format, encoder, maxLength, firstRow, rows).read(source);
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot read " + file, e);
        }
    }

    /** Whether every row can be trained on, and there is one. */
    public boolean sound() {
        return rows > 0 && problemCount == 0 && emptyRows == 0;
    }

    /**
     * The figures and the rows as text for a terminal, tokens that carry loss in ⟦ ⟧, the cut as ✂.
     *
     * @param colours marks the same by colours too
     */
    public String render(boolean colours) {
        return PreviewText.of(this, colours);
    }
}
