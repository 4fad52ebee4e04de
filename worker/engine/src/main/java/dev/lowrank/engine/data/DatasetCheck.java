package dev.lowrank.engine.data;

import dev.lowrank.engine.spec.DataFormat;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Checks a dataset line by line as it streams in, without a tokenizer, and goes on after each problem. Memory is bounded
 * by the longest line allowed, whatever is sent.
 */
public final class DatasetCheck {
    private final RowReader reader;
    private final DatasetLimits limits;
    private final List<RowProblem> problems = new ArrayList<>();
    private long problemCount;
    private long examples;

    private DatasetCheck(DataFormat format, DatasetLimits limits) {
        this.reader = new RowReader(format, limits.lineBytes());
        this.limits = limits;
    }

    /**
     * Reads a stream of JSON Lines to its end; the caller closes it.
     *
     * @param format what the rows shall be, or AUTO to tell from the first that can be told
     * @throws IOException if the stream fails
     */
    public static DatasetReport check(InputStream in, DataFormat format, DatasetLimits limits) throws IOException {
        return new DatasetCheck(format, limits).read(new JsonLines(in, limits.lineBytes()));
    }

    private DatasetReport read(JsonLines lines) throws IOException {
        for (JsonLines.Line line = lines.next(); line != null; line = lines.next()) {
            try {
                checkLearnable(reader.read(line));
                examples++;
            } catch (RowException e) {
                add(new RowProblem(line.number(), e.field(), e.problem()));
            }
        }
        if (examples == 0 && problemCount == 0) {
            add(new RowProblem(
                    Math.max(1, lines.lines()), "", "The file holds no rows; write one JSON object a line."));
        }
        return new DatasetReport(reader.format(), lines.lines(), examples, problems, problemCount);
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
            case Row.Completion completion -> {} // an empty completion is refused where it is read
            case Row.Text text -> {} // likewise
        }
    }

    private static void checkAnswers(Row.Chat chat) {
        boolean answers = false;
        for (int i = 0; i < chat.messages().size(); i++) {
            if (chat.learns(i)) {
                return;
            }
            answers |= "assistant".equals(chat.messages().get(i).get("role"));
        }
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
