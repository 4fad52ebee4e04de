package dev.lowrank.engine.data;

import dev.lowrank.engine.InputException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The preference pairs of a file as token ids and labels, in the order of the file, each side cut off at a maximum length. */
public final class PreferenceDataset implements RowSet {
    private final List<PreferencePair> pairs;
    private final int truncatedRows;

    PreferenceDataset(List<PreferencePair> pairs, int truncatedRows) {
        this.pairs = List.copyOf(pairs);
        this.truncatedRows = truncatedRows;
    }

    /**
     * Reads a file of pairs. Both sides of every pair must have something to learn from, and differ, once they are cut off.
     *
     * @param encoder makes tokens of texts; null is enough for tokenized pairs
     * @param vocabularySize rows of the model's embedding; every id must be below
     * @param maxLength most tokens of a side, at least 2
     * @throws InputException naming the file, the first line that cannot be used, and the remedy
     */
    public static PreferenceDataset load(Path file, @Nullable RowEncoder encoder, int vocabularySize, int maxLength) {
        PreferenceLoad load = new PreferenceLoad(file, encoder, vocabularySize, maxLength);
        load.read(file);
        return load.result();
    }

    /** Pairs that are tokens already. */
    public static PreferenceDataset of(List<PreferencePair> pairs) {
        return new PreferenceDataset(pairs, 0);
    }

    /** How many pairs there are; at least one. */
    @Override
    public int size() {
        return pairs.size();
    }

    /** A pair, counted from 0; its arrays are shared and must not be written to. */
    public PreferencePair get(int row) {
        return pairs.get(row);
    }

    /** Tokens of all sides that carry loss. */
    @Override
    public long trainedTokens() {
        return pairs.stream().mapToLong(PreferencePair::trainedTokens).sum();
    }

    /** Tokens of the longest side. */
    @Override
    public int longestRow() {
        return pairs.stream().mapToInt(PreferencePair::longestSide).max().orElse(0);
    }

    /** The first pairs, at most {@code count}. */
    public PreferenceDataset first(int count) {
        return count >= size() ? this : new PreferenceDataset(pairs.subList(0, count), truncatedRows);
    }

    /** Pairs of which a side was longer than the maximum length. */
    @Override
    public int truncatedRows() {
        return truncatedRows;
    }
}
