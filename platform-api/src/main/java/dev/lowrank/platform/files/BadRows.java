package dev.lowrank.platform.files;

import dev.lowrank.engine.data.DatasetReport;
import dev.lowrank.engine.data.RowProblem;
import dev.lowrank.platform.contract.ApiException;
import java.util.stream.Collectors;

/** Says what is wrong with a file: the first rows by line and field, and how many there are in all. */
final class BadRows {
    private static final int SHOWN = 5;

    private BadRows() {}

    static ApiException refusal(String filename, DatasetReport report) {
        String lines =
                report.problems().stream().limit(SHOWN).map(BadRows::line).collect(Collectors.joining(" "));
        long more = report.problemCount() - Math.min(SHOWN, report.problems().size());
        return ApiException.invalid(
                "invalid_file_format",
                "file",
                "%s cannot be trained on and was not stored. %s%s"
                        .formatted(filename, lines, more == 0 ? "" : " And %d more like these.".formatted(more)));
    }

    private static String line(RowProblem problem) {
        String text = problem.problem();
        return "Line %d: %s%s".formatted(problem.line(), text, text.endsWith(".") ? "" : ".");
    }
}
