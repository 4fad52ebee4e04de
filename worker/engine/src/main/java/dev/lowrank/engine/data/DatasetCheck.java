package dev.lowrank.engine.data;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.spec.DataFormat;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Checks a dataset line by line as it streams in, without a tokenizer, and goes on after each problem. Memory is bounded
 * by the longest row allowed (and sixteen bytes for each sound row, to tell repetitions), whatever is sent.
 */
public final class DatasetCheck {
    private final RowReader reader;
    private final DatasetLimits limits;
    private final List<RowProblem> problems = new ArrayList<>();
    private final SeenRows seen = new SeenRows();
    private long problemCount;
    private long examples;

    private DatasetCheck(DataFormat format, DatasetLimits limits) {
        this.reader = new RowReader(format);
        this.limits = limits;
    }

    /**
     * Reads a stream to its end; the caller closes it. A Parquet file is copied to a temporary file meanwhile.
     *
     * @param name what the author calls the file, or null; it only helps where the content does not tell the kind of file
     * @param format what the rows shall be, or AUTO to tell from the first that can be told
     * @throws IOException if the stream fails
     */
    public static DatasetReport check(InputStream in, @Nullable String name, DataFormat format, DatasetLimits limits)
            throws IOException {
        try (RowSource rows = DatasetFile.open(in, name, limits)) {
            return new DatasetCheck(format, limits).read(rows);
        }
    }

    /**
     * Reads a file.
     *
     * @throws InputException if it is missing
     */
    public static DatasetReport check(Path file, DataFormat format, DatasetLimits limits) throws IOException {
        try (RowSource rows = DatasetFile.open(file)) {
            return new DatasetCheck(format, limits).read(rows);
        }
    }

    private DatasetReport read(RowSource rows) throws IOException {
        for (RawRow raw = rows.next(); raw != null; raw = rows.next()) {
            try {
                Row row = reader.read(raw);
                checkLearnable(row);
                examples++;
                seen.add(row);
            } catch (RowException e) {
                add(new RowProblem(raw.line(), e.field(), e.problem()));
            }
        }
        if (examples == 0 && problemCount == 0) {
            add(new RowProblem(Math.max(1, rows.lines()), "", "The file holds no rows; write one JSON object a line."));
        }
        return new DatasetReport(
                rows.kind(), reader.format(), rows.lines(), examples, seen.repeated(), problems, problemCount);
    }

    private void add(RowProblem problem) {
        problemCount++;
        if (problems.size() < limits.problems()) {
            problems.add(problem);
        }
    }

    private static void checkLearnable(Row row) {
        switch (row) {
            case Row.Chat chat -> checkAnswers(chat);
            case Row.Tokenized tokenized -> checkLabels(tokenized);
            case Row.Pair pair -> {
                checkLearnable(pair.chosen());
                checkLearnable(pair.rejected());
            }
            case Row.Alpaca alpaca -> {} // an empty output is refused where it is read
            case Row.Completion completion -> {} // likewise
            case Row.Text text -> {} // likewise
        }
    }

    private static void checkAnswers(Row.Chat chat) {
        if (chat.learnsAny()) {
            return;
        }
        boolean answers = chat.messages().stream().anyMatch(message -> "assistant".equals(message.get("role")));
        throw new RowException(
                "messages",
                answers
                        ? "has only assistant messages of weight 0; give at least one of them weight 1."
                        : "has no assistant message, so there is no answer to learn; add one.");
    }

    private static void checkLabels(Row.Tokenized row) {
        if (row.ids().length < 2) {
            throw new RowException(
                    "input_ids",
                    "has %d entries, and learning needs two; lengthen or drop the row.".formatted(row.ids().length));
        }
        if (Arrays.stream(row.labels()).skip(1).allMatch(label -> label == Example.IGNORED)) {
            throw new RowException(
                    "labels", "has only -100 after the first entry, so there is nothing to learn; label some tokens.");
        }
    }
}
