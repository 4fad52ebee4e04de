package dev.lowrank.engine.data;

/** The figures of a file of rows, or of pairs, that has become tokens. */
public interface RowSet {
    /** How many rows there are; a pair counts as one. */
    int size();

    /** Tokens that carry loss. */
    long trainedTokens();

    /** Rows cut off at the maximum length. */
    int truncatedRows();

    /** Tokens of the longest sequence. */
    int longestRow();
}
