package dev.lowrank.engine.data;

import dev.lowrank.engine.InputException;
import dev.lowrank.engine.spec.DataFormat;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One reading of a dataset for training: stops at the first row that cannot be used. */
final class DatasetLoad {
    private final String name;
    private final @Nullable RowEncoder encoder;
    private final int vocabularySize;
    private final int maxLength;
    private final RowReader reader;
    private final List<Example> examples = new ArrayList<>();
    private int truncated;
    private int lostRows;
    private long firstLost;

    DatasetLoad(String name, DataFormat format, @Nullable RowEncoder encoder, int vocabularySize, int maxLength) {
        if (maxLength < 2) {
            throw new IllegalArgumentException("maxLength is " + maxLength);
        }
        this.name = name;
        this.encoder = encoder;
        this.vocabularySize = vocabularySize;
        this.maxLength = maxLength;
        this.reader = new RowReader(format, DatasetLimits.DEFAULT.lineBytes());
    }

    Dataset read(InputStream in) throws IOException {
        JsonLines lines = new JsonLines(in, DatasetLimits.DEFAULT.lineBytes());
        for (JsonLines.Line line = lines.next(); line != null; line = lines.next()) {
            try {
                add(RowEncoder.encode(reader.read(line), encoder).example(), line.number());
            } catch (RowException e) {
                throw new InputException("%s, line %d: %s".formatted(name, line.number(), e.problem()));
            }
        }
        if (lostRows > 0) {
            throw new InputException(
                    "%s: %d rows (the first on line %d) lose every trained token when cut off at max_length %d; raise max_length or shorten them."
                            .formatted(name, lostRows, firstLost, maxLength));
        }
        if (examples.isEmpty()) {
            throw new InputException("%s holds no rows; write one JSON object a line.".formatted(name));
        }
        return new Dataset(reader.format(), examples, truncated);
    }

    private void add(Example whole, long line) {
        checkIds(whole);
        if (whole.trainedTokens() == 0) {
            throw new RowException(
                    "",
                    whole.ids().length < 2
                            ? "The row has %d tokens, and learning needs two; lengthen or drop it."
                                    .formatted(whole.ids().length)
                            : "The row has nothing to learn from; give it an answer that carries loss (an assistant message"
                                    + " without \"weight\": 0, or a label other than -100 after the first), or drop it.");
        }
        Example cut = whole.cut(maxLength);
        truncated += cut == whole ? 0 : 1;
        if (cut.trainedTokens() == 0) {
            firstLost = lostRows == 0 ? line : firstLost;
            lostRows++;
        } else {
            examples.add(cut);
        }
    }

    private void checkIds(Example example) {
        for (int i = 0; i < example.ids().length; i++) {
            checkId(example.ids()[i], "input_ids", i);
            if (example.labels()[i] != Example.IGNORED) {
                checkId(example.labels()[i], "labels", i);
            }
        }
    }

    private void checkId(int id, String field, int at) {
        if (id >= vocabularySize) {
            throw new RowException(
                    "%s[%d]".formatted(field, at),
                    "is %d, but the model's vocabulary has %d tokens; tokenize with this model's own tokenizer."
                            .formatted(id, vocabularySize));
        }
    }
}
