package dev.lowrank.engine.fuzz;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.data.DatasetCheck;
import dev.lowrank.engine.data.DatasetLimits;
import dev.lowrank.engine.data.DatasetPreview;
import dev.lowrank.engine.data.DatasetReport;
import dev.lowrank.engine.data.PreferenceDataset;
import dev.lowrank.engine.data.RowEncoder;
import dev.lowrank.engine.data.RowProblem;
import dev.lowrank.engine.data.TemplateRenderer;
import dev.lowrank.engine.spec.DataFormat;
import dev.lowrank.engine.spec.TrainOn;
import dev.lowrank.engine.tokenizer.Fixture;
import dev.lowrank.engine.tokenizer.Tokenizer;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A dataset, read all the ways there are: checked as it streams in, shown, and loaded with and without a tokenizer. What it
 * costs is mostly the answers of conversations, each of which is found by writing the conversation up to it again.
 */
record RowsTarget(String name, String defaultFile) implements FuzzTarget {
    private static final Tokenizer TOKENIZER = Fixture.open();
    private static final RowEncoder ENCODER =
            new RowEncoder(TOKENIZER, TemplateRenderer.of(TOKENIZER), TrainOn.ASSISTANT);
    private static final int MAX_LENGTH = 64;

    @Override
    public Cost most() {
        return new Cost(32 << 20, 100_000, 64 << 20, 10);
    }

    @Override
    public void read(Parts input) throws IOException {
        Path file = Scratch.with(input).resolve(defaultFile());
        byte[] bytes = input.get(defaultFile());
        DataFormat format = DataFormat.values()[bytes.length % DataFormat.values().length];
        List<DataFormat> formats = List.of(DataFormat.AUTO, format);
        for (DataFormat wanted : formats) {
            DatasetReport report =
                    DatasetCheck.check(new ByteArrayInputStream(bytes), defaultFile(), wanted, DatasetLimits.DEFAULT);
            report.problems().forEach(RowsTarget::judge);
            SafetensorsTarget.expect(report.sound() == report.problems().isEmpty());
            DatasetPreview preview = DatasetPreview.of(file, wanted, ENCODER, MAX_LENGTH, 0, 3);
            preview.problems().forEach(RowsTarget::judge);
            preview.notices().forEach(RowsTarget::judge);
            preview.render(true);
            refusal(() -> Dataset.load(file, wanted, null, 100, MAX_LENGTH));
            refusal(() -> Dataset.load(file, wanted, ENCODER, TOKENIZER.vocabularySize(), MAX_LENGTH));
        }
        DatasetCheck.check(file, format, new DatasetLimits(200, 2));
        InputException asPairs =
                refusal(() -> PreferenceDataset.load(file, ENCODER, TOKENIZER.vocabularySize(), MAX_LENGTH));
        if (asPairs != null) {
            Dataset.load(file, DataFormat.AUTO, ENCODER, TOKENIZER.vocabularySize(), MAX_LENGTH);
        }
    }

    /** Loads a dataset of the wrong kind, too: it has to be refused as clearly as a broken one. */
    private static @Nullable InputException refusal(Runnable reading) {
        try {
            reading.run();
            return null;
        } catch (InputException e) {
            judge(String.valueOf(e.getMessage()));
            return e;
        }
    }

    private static void judge(RowProblem problem) {
        judge(problem.problem());
        if (problem.line() < 0) {
            throw new AssertionError("a problem is said to be on line " + problem.line());
        }
    }

    private static void judge(String sentence) {
        String nameless = sentence.replaceFirst("^\\w+(?= holds )", "x"); // A column may be called anything.
        String wrong = OneSentence.problem(nameless, false);
        if (wrong != null) {
            throw new AssertionError("a row's refusal " + wrong + ": " + sentence);
        }
    }
}
