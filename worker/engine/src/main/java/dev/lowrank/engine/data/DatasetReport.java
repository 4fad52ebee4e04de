package dev.lowrank.engine.data;

import dev.lowrank.engine.spec.DataFormat;
import java.util.List;

/**
 * What a check of a dataset found.
 *
 * @param format what the rows are; AUTO only if no row told
 * @param lines lines of the file, blank ones included
 * @param examples rows that can be trained on
 * @param problems the first problems, one a row at most
 * @param problemCount how many there are in all
 */
public record DatasetReport(
        DataFormat format, long lines, long examples, List<RowProblem> problems, long problemCount) {
    public DatasetReport {
        problems = List.copyOf(problems);
    }

    /** Whether every row can be trained on, and there is one. */
    public boolean sound() {
        return problemCount == 0;
    }
}
