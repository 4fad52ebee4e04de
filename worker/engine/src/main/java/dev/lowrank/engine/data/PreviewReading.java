package dev.lowrank.engine.data;

import dev.lowrank.engine.spec.DataFormat;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One reading of a dataset for viewing: counts all rows, keeps some. */
final class PreviewReading {
    private final RowReader reader;
    private final @Nullable RowEncoder encoder;
    private final @Nullable LeftOut leftOut;
    private final int maxLength;
    private final long firstRow;
    private final int wanted;
    private final LengthHistogram lengths = new LengthHistogram();
    private final SeenRows repeats = new SeenRows();
    private final List<RowView> views = new ArrayList<>();
    private final List<RowProblem> problems = new ArrayList<>();
    private long seen;
    private long problemCount;
    private long rows;
    private long trained;
    private long truncated;
    private long empty;

    PreviewReading(DataFormat format, @Nullable RowEncoder encoder, int maxLength, long firstRow, int wanted) {
        ChatRenderer renderer = encoder == null ? null : encoder.renderer();
        this.reader = new RowReader(format);
        this.encoder = encoder;
        this.leftOut = renderer == null ? null : new LeftOut(renderer);
        this.maxLength = maxLength;
        this.firstRow = firstRow;
        this.wanted = wanted;
    }

    DatasetPreview read(RowSource source) throws IOException {
        for (RawRow raw = source.next(); raw != null; raw = source.next(), seen++) {
            try {
                add(raw.line(), reader.read(raw));
            } catch (RowException e) {
                problemCount++;
                if (problems.size() < DatasetLimits.DEFAULT.problems()) {
                    problems.add(new RowProblem(raw.line(), e.field(), e.problem()));
                }
            }
        }
        return new DatasetPreview(
                source.kind(),
                reader.format(),
                maxLength,
                rows,
                trained,
                truncated,
                empty,
                repeats.repeated(),
                lengths,
                views,
                notices(),
                problems,
                problemCount);
    }

    private void add(long line, Row row) {
        switch (row) {
            case Row.Pair pair -> addPair(line, pair);
            case Row.Lesson lesson -> addLesson(line, lesson);
        }
    }

    private void addLesson(long line, Row.Lesson lesson) {
        EncodedRow row = RowEncoder.encode(lesson, encoder);
        Example cut = cut(row);
        rows++;
        repeats.add(row.example());
        truncated += cut == row.example() ? 0 : 1;
        empty += cut.trainedTokens() == 0 ? 1 : 0;
        look(lesson);
        view(line, null, row, cut);
    }

    private void addPair(long line, Row.Pair pair) {
        EncodedRow chosen = encode(pair.chosen(), "chosen");
        EncodedRow rejected = encode(pair.rejected(), "rejected");
        PreferencePair cut = new PreferencePair(cut(chosen), cut(rejected));
        rows++;
        repeats.add(new PreferencePair(chosen.example(), rejected.example()));
        truncated += cut.chosen() == chosen.example() && cut.rejected() == rejected.example() ? 0 : 1;
        empty += PreferenceLoad.isLearnable(cut) ? 0 : 1;
        look(pair.chosen());
        view(line, "chosen", chosen, cut.chosen());
        view(line, "rejected", rejected, cut.rejected());
    }

    private EncodedRow encode(Row.Lesson lesson, String side) {
        try {
            return RowEncoder.encode(lesson, encoder);
        } catch (RowException e) {
            throw e.of(side);
        }
    }

    private Example cut(EncodedRow row) {
        Example cut = row.example().cut(maxLength);
        lengths.add(row.example().ids().length);
        trained += cut.trainedTokens();
        return cut;
    }

    private void look(Row.Lesson lesson) {
        if (leftOut != null && lesson instanceof Row.Chat chat) {
            leftOut.look(chat);
        }
    }

    private void view(long line, @Nullable String side, EncodedRow row, Example cut) {
        if (seen >= firstRow && seen - firstRow < wanted) {
            int kept = cut.ids().length;
            List<Piece> pieces = encoder == null ? List.of() : new Pieces(row, kept, encoder).split();
            views.add(new RowView(line, side, row.example(), kept, pieces));
        }
    }

    private List<String> notices() {
        List<String> notices = new ArrayList<>(leftOut == null ? List.of() : leftOut.sentences());
        if (encoder != null && encoder.renderer() == null && reader.format() == DataFormat.ALPACA) {
            notices.add("The base has no chat template, so the rows are written as Alpaca's own prompt.");
        }
        return notices;
    }
}
