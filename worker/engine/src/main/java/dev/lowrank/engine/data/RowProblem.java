package dev.lowrank.engine.data;

/**
 * What is wrong with a row.
 *
 * @param line in the file, counted from 1; of a Parquet file, the row
 * @param field path inside the row ({@code messages[2].role}), or empty for the row as a whole
 * @param problem one sentence that names the field and the remedy
 */
public record RowProblem(long line, String field, String problem) {}
