package dev.lowrank.engine.data;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.spec.DataFormat;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The rows of a file as token ids and labels, in the order of the file, each cut off at a maximum length. */
public final class Dataset implements RowSet {
    private final DataFormat format;
    private final List<Example> examples;
    private final long trainedTokens;
    private final int truncatedRows;

    Dataset(DataFormat format, List<Example> examples, int truncatedRows) {
        this.format = format;
        this.examples = List.copyOf(examples);
        this.truncatedRows = truncatedRows;
        this.trainedTokens = examples.stream().mapToLong(Example::trainedTokens).sum();
    }

    /**
     * Reads a file of JSON Lines, a JSON array, CSV or Parquet. Every row must have something to learn from once it is cut off.
     *
     * @param format what the rows are, or AUTO to tell from the first
     * @param encoder makes tokens of texts; null is enough for tokenized rows
     * @param vocabularySize rows of the model's embedding; every id must be below
     * @param maxLength most tokens of a row, at least 2
     * @throws InputException naming the file, the first line that cannot be used, and the remedy
     */
    public static Dataset load(
            Path file, DataFormat format, @Nullable RowEncoder encoder, int vocabularySize, int maxLength) {
        DatasetLoad load = new DatasetLoad(file, format, encoder, vocabularySize, maxLength);
        load.read(file);
        return load.result();
    }

    /** Rows that are tokens already. */
    public static Dataset of(List<Example> examples) {
        return new Dataset(DataFormat.TOKENIZED, examples, 0);
    }

    /** How many rows there are; at least one. */
    @Override
    public int size() {
        return examples.size();
    }

    /** A row, counted from 0; its arrays are shared and must not be written to. */
    public Example get(int row) {
        return examples.get(row);
    }

    /** Tokens of all rows that carry loss, as the loss counts them: the first token of a row never does. */
    @Override
    public long trainedTokens() {
        return trainedTokens;
    }

    /** Tokens of one row that carry loss. */
    public int trainedTokens(int row) {
        return examples.get(row).trainedTokens();
    }

    /** Tokens of the longest row. */
    @Override
    public int longestRow() {
        return examples.stream().mapToInt(row -> row.ids().length).max().orElse(0);
    }

    /** The first rows, at most {@code count}. */
    public Dataset first(int count) {
        return count >= size() ? this : new Dataset(format, examples.subList(0, count), truncatedRows);
    }

    /** Rows that were longer than the maximum length. */
    @Override
    public int truncatedRows() {
        return truncatedRows;
    }

    /** What the rows are; never AUTO. */
    public DataFormat format() {
        return format;
    }
}
