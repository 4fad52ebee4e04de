package dev.lowrank.engine.data;

import dev.lowrank.engine.spec.DataFormat;
import java.util.List;

/**
 * What a check of a dataset found.
 *
 * @param kind how the rows lie in the file
 * @param format what the rows are; AUTO only if no row told
 * @param lines lines of the file, blank ones included; rows of a Parquet file
 * @param examples rows that can be trained on
 * @param duplicates how many of them say exactly what an earlier one says
 * @param problems the first problems, one a row at most
 * @param problemCount how many there are in all
 */
public record DatasetReport(
        FileKind kind,
        DataFormat format,
        long lines,
        long examples,
        long duplicates,
        List<RowProblem> problems,
        long problemCount) {
    public DatasetReport {
        problems = List.copyOf(problems);
    }

    /** Whether every row can be trained on, and there is one. */
    public boolean sound() {
        return problemCount == 0;
    }
}
