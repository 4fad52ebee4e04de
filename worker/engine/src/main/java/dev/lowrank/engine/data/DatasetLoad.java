package dev.lowrank.engine.data;

import dev.lowrank.engine.spec.DataFormat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Loads rows that are one example each. */
final class DatasetLoad extends RowLoad {
    private final List<Example> examples = new ArrayList<>();
    private int truncated;

    DatasetLoad(Path file, DataFormat format, @Nullable RowEncoder encoder, int vocabularySize, int maxLength) {
        super(file, format, encoder, vocabularySize, maxLength);
    }

    Dataset result() {
        return new Dataset(format(), examples, truncated);
    }

    @Override
    boolean add(Row row) {
        if (!(row instanceof Row.Lesson lesson)) {
            throw new RowException(
                    "",
                    "The row is a preference pair, which only the method dpo learns from; set \"method\": \"dpo\", or write"
                            + " the preferred answer as an assistant message in \"messages\".");
        }
        Example whole = RowEncoder.encode(lesson, encoder).example();
        checks.check(whole);
        Example cut = whole.cut(maxLength);
        truncated += cut == whole ? 0 : 1;
        if (cut.trainedTokens() == 0) {
            return false;
        }
        examples.add(cut);
        return true;
    }

    @Override
    boolean isEmpty() {
        return examples.isEmpty();
    }
}
