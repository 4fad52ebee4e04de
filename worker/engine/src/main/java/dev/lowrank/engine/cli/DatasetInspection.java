package dev.lowrank.engine.cli;

import dev.lowrank.engine.data.DatasetCheck;
import dev.lowrank.engine.data.DatasetLimits;
import dev.lowrank.engine.data.DatasetPreview;
import dev.lowrank.engine.data.DatasetReport;
import dev.lowrank.engine.data.FileKind;
import dev.lowrank.engine.data.LengthHistogram;
import dev.lowrank.engine.data.RowEncoder;
import dev.lowrank.engine.data.RowProblem;
import dev.lowrank.engine.data.RowView;
import dev.lowrank.engine.data.TemplateRenderer;
import dev.lowrank.engine.spec.DataFormat;
import dev.lowrank.engine.spec.TrainOn;
import dev.lowrank.engine.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * A dataset, row by row: what is wrong with it and, where a base is named, its rows as that base will see them.
 *
 * @param model the base's folder, or null to look at the form of the rows only
 * @param first the first row to show, counted from 1
 * @param shown how many rows to show
 */
record DatasetInspection(
        Path file, DataFormat format, @Nullable Path model, TrainOn trainOn, int maxLength, long first, int shown) {
    /** Prints what was found; the exit code is 1 if a row cannot be used. */
    int print(boolean json) throws IOException {
        return model == null ? printReport(json) : printPreview(model, json);
    }

    private int printReport(boolean json) throws IOException {
        DatasetReport report = DatasetCheck.check(file, format, DatasetLimits.DEFAULT);
        if (json) {
            ObjectNode line = facts(
                    report.kind(), report.format(), report.examples(), report.duplicates(), report.problemCount());
            problems(line.putArray("problem_list"), report.problems());
            System.out.println(JsonMapper.shared().writeValueAsString(line));
        } else {
            System.out.println(String.format(
                    Locale.ROOT,
                    "%s of format %s: %,d sound rows, %,d the same as an earlier one, %,d not usable",
                    report.kind().title(),
                    report.format().key(),
                    report.examples(),
                    report.duplicates(),
                    report.problemCount()));
            printProblems(report);
            System.out.println("Add --base DIR to see the rows as a model will see them.");
        }
        return report.sound() ? 0 : 1;
    }

    private static void printProblems(DatasetReport report) {
        for (RowProblem problem : report.problems()) {
            System.out.println("%s %d: %s".formatted(report.kind().unit(), problem.line(), problem.problem()));
        }
        if (report.problemCount() > report.problems().size()) {
            System.out.println("… and %,d more"
                    .formatted(report.problemCount() - report.problems().size()));
        }
    }

    private int printPreview(Path base, boolean json) {
        DatasetPreview preview = preview(base);
        if (json) {
            System.out.println(JsonMapper.shared().writeValueAsString(line(preview)));
        } else {
            System.out.print(preview.render(hasColours()));
        }
        return preview.sound() ? 0 : 1;
    }

    /** A base without a tokenizer can still show rows of ids. */
    private DatasetPreview preview(Path base) {
        long from = Math.max(0, first - 1);
        if (Files.isDirectory(base) && !Files.exists(base.resolve("tokenizer.json"))) {
            return DatasetPreview.of(file, format, null, maxLength, from, shown);
        }
        try (Tokenizer tokenizer = Tokenizer.open(base)) {
            RowEncoder encoder = new RowEncoder(tokenizer, TemplateRenderer.of(tokenizer), trainOn);
            return DatasetPreview.of(file, format, encoder, maxLength, from, shown);
        }
    }

    private static boolean hasColours() {
        return System.console() != null
                && System.console().isTerminal()
                && System.getenv("NO_COLOR") == null
                && !"dumb".equals(System.getenv("TERM"));
    }

    private static ObjectNode line(DatasetPreview preview) {
        LengthHistogram lengths = preview.lengths();
        ObjectNode line =
                facts(preview.kind(), preview.format(), preview.rows(), preview.duplicates(), preview.problemCount());
        line.put("tokens", lengths.tokens()).put("trained_tokens", preview.trainedTokens());
        line.put("trained_share", lengths.tokens() == 0 ? 0 : (double) preview.trainedTokens() / lengths.tokens());
        line.put("shortest_row", lengths.shortest()).put("longest_row", lengths.longest());
        line.put("median_row", lengths.percentile(0.5)).put("max_length", preview.maxLength());
        line.put("truncated_rows", preview.truncatedRows());
        line.put("rows_without_trained_tokens", preview.emptyRows());
        ArrayNode histogram = line.putArray("lengths");
        for (LengthHistogram.Bucket bucket : lengths.buckets()) {
            histogram
                    .addObject()
                    .put("from", bucket.from())
                    .put("to", bucket.to())
                    .put("rows", bucket.rows());
        }
        preview.notices().forEach(line.putArray("notices")::add);
        problems(line.putArray("problem_list"), preview.problems());
        ArrayNode shown = line.putArray("shown");
        preview.views().forEach(view -> row(shown.addObject(), view));
        return line;
    }

    /** Ids and labels are those that training uses; the text and its pieces go on beyond the cut. */
    private static void row(ObjectNode row, RowView view) {
        row.put("line", view.line());
        if (view.side() != null) {
            row.put("side", view.side());
        }
        row.put("tokens", view.whole().ids().length).put("trained_tokens", view.trainedTokens());
        row.put("cut_off", view.cutOff()).put("text", view.text());
        ArrayNode pieces = row.putArray("pieces");
        view.pieces()
                .forEach(piece -> pieces.addObject()
                        .put("fate", piece.fate().name().toLowerCase(Locale.ROOT))
                        .put("text", piece.text()));
        Arrays.stream(view.whole().ids(), 0, view.kept()).forEach(row.putArray("input_ids")::add);
        Arrays.stream(view.whole().labels(), 0, view.kept()).forEach(row.putArray("labels")::add);
    }

    private static ObjectNode facts(FileKind file, DataFormat format, long rows, long duplicates, long problems) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("kind", "dataset")
                .put("file", file.title())
                .put("format", format.key())
                .put("rows", rows)
                .put("duplicates", duplicates)
                .put("problems", problems);
    }

    private static void problems(ArrayNode list, List<RowProblem> problems) {
        for (RowProblem problem : problems) {
            list.addObject()
                    .put("line", problem.line())
                    .put("field", problem.field())
                    .put("problem", problem.problem());
        }
    }
}
