package dev.lowrank.engine.data;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.spec.DataFormat;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A dataset as a model will see it: some rows token by token, and figures of all. Rows that cannot be trained on are
 * listed, not thrown.
 *
 * @param format what the rows are; AUTO only if no row told
 * @param rows how many could be read as tokens
 * @param trainedTokens tokens that carry loss after the cut
 * @param truncatedRows rows longer than the maximum length
 * @param emptyRows rows that have nothing to learn from after the cut
 * @param views the rows asked for
 * @param problems the first rows that could not be read
 */
public record DatasetPreview(
        DataFormat format,
        long rows,
        long trainedTokens,
        long truncatedRows,
        long emptyRows,
        LengthHistogram lengths,
        List<RowView> views,
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
        if (!Files.isRegularFile(file)) {
            throw new InputException(
                    "The dataset %s is missing or no file; check the path.".formatted(file.getFileName()));
        }
        try (InputStream in = Files.newInputStream(file)) {
            return new Reading(format, encoder, maxLength, firstRow, rows).read(in);
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot read " + file, e);
        }
    }

    /** The figures and the rows as text for a terminal, tokens that carry loss in ⟦ ⟧, the cut as ✂. */
    public String render() {
        return PreviewText.of(this);
    }

    private static final class Reading {
        private final RowReader reader;
        private final @Nullable RowEncoder encoder;
        private final int maxLength;
        private final long firstRow;
        private final int count;
        private long seen;
        private final LengthHistogram lengths = new LengthHistogram();
        private final List<RowView> views = new ArrayList<>();
        private final List<RowProblem> problems = new ArrayList<>();
        private long problemCount;
        private long rows;
        private long trained;
        private long truncated;
        private long empty;

        Reading(DataFormat format, @Nullable RowEncoder encoder, int maxLength, long firstRow, int count) {
            this.reader = new RowReader(format, DatasetLimits.DEFAULT.lineBytes());
            this.encoder = encoder;
            this.maxLength = maxLength;
            this.firstRow = firstRow;
            this.count = count;
        }

        DatasetPreview read(InputStream in) throws IOException {
            JsonLines lines = new JsonLines(in, DatasetLimits.DEFAULT.lineBytes());
            for (JsonLines.Line line = lines.next(); line != null; line = lines.next(), seen++) {
                try {
                    count(line.number(), RowEncoder.encode(reader.read(line), encoder));
                } catch (RowException e) {
                    problemCount++;
                    if (problems.size() < DatasetLimits.DEFAULT.problems()) {
                        problems.add(new RowProblem(line.number(), e.field(), e.problem()));
                    }
                }
            }
            return new DatasetPreview(
                    reader.format(), rows, trained, truncated, empty, lengths, views, problems, problemCount);
        }

        private void count(long line, EncodedRow row) {
            Example whole = row.example();
            Example cut = whole.cut(maxLength);
            rows++;
            lengths.add(whole.ids().length);
            trained += cut.trainedTokens();
            truncated += cut == whole ? 0 : 1;
            empty += cut.trainedTokens() == 0 ? 1 : 0;
            if (seen >= firstRow && seen - firstRow < count) {
                int kept = cut.ids().length;
                List<Piece> pieces = encoder == null ? List.of() : new Pieces(row, kept, encoder).split();
                views.add(new RowView(line, whole, kept, pieces));
            }
        }
    }
}
