package dev.lowrank.engine.cli;

import dev.lowrank.engine.data.DatasetCheck;
import dev.lowrank.engine.data.DatasetLimits;
import dev.lowrank.engine.data.DatasetPreview;
import dev.lowrank.engine.data.DatasetReport;
import dev.lowrank.engine.data.RowEncoder;
import dev.lowrank.engine.data.RowProblem;
import dev.lowrank.engine.data.TemplateRenderer;
import dev.lowrank.engine.spec.DataFormat;
import dev.lowrank.engine.spec.TrainOn;
import dev.lowrank.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * A dataset, line by line: what is wrong with it and, where a base is named, its rows as that base will see them.
 *
 * @param model the base's folder, or null to look at the form of the rows only
 */
record DatasetInspection(
        Path file, DataFormat format, @Nullable Path model, TrainOn trainOn, int maxLength, int shown) {
    /** Prints what was found; the exit code is 1 if a row cannot be used. */
    int print(boolean json) throws IOException {
        return model == null ? printReport(json) : printPreview(model, json);
    }

    private int printReport(boolean json) throws IOException {
        DatasetReport report;
        try (InputStream in = Files.newInputStream(file)) {
            report = DatasetCheck.check(in, format, DatasetLimits.DEFAULT);
        }
        ObjectNode line = facts(report.format(), report.examples(), report.problemCount());
        if (json) {
            System.out.println(JsonMapper.shared().writeValueAsString(line));
        } else {
            System.out.println("%s dataset, %,d rows on %,d lines"
                    .formatted(report.format().key(), report.examples(), report.lines()));
            printProblems(report.problems(), report.problemCount());
        }
        return report.sound() ? 0 : 1;
    }

    private int printPreview(Path base, boolean json) {
        DatasetPreview preview;
        try (Tokenizer tokenizer = Tokenizer.open(base)) {
            RowEncoder encoder = new RowEncoder(tokenizer, TemplateRenderer.of(tokenizer), trainOn);
            preview = DatasetPreview.of(file, format, encoder, maxLength, 0, shown);
        }
        if (json) {
            ObjectNode line = facts(preview.format(), preview.rows(), preview.problemCount());
            line.put("tokens", preview.lengths().tokens()).put("trained_tokens", preview.trainedTokens());
            line.put("longest_row", preview.lengths().longest()).put("truncated_rows", preview.truncatedRows());
            line.put("rows_without_trained_tokens", preview.emptyRows());
            System.out.println(JsonMapper.shared().writeValueAsString(line));
        } else {
            System.out.println(preview.render());
        }
        return preview.problemCount() == 0 && preview.emptyRows() == 0 ? 0 : 1;
    }

    private static ObjectNode facts(DataFormat format, long rows, long problems) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("kind", "dataset")
                .put("format", format.key())
                .put("rows", rows)
                .put("problems", problems);
    }

    private static void printProblems(List<RowProblem> problems, long count) {
        for (RowProblem problem : problems) {
            String field = problem.field().isEmpty() ? "" : " \"" + problem.field() + "\"";
            System.out.println("line %d:%s %s".formatted(problem.line(), field, problem.problem()));
        }
        if (count > problems.size()) {
            System.out.println("… and %,d more".formatted(count - problems.size()));
        }
    }
}
