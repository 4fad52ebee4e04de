package dev.lowrank.engine.data;

import dev.lowrank.engine.spec.DataFormat;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Loads rows that are pairs of answers. */
final class PreferenceLoad extends RowLoad {
    private final List<PreferencePair> pairs = new ArrayList<>();
    private int truncated;

    PreferenceLoad(Path file, @Nullable RowEncoder encoder, int vocabularySize, int maxLength) {
        super(file, DataFormat.AUTO, encoder, vocabularySize, maxLength);
    }

    PreferenceDataset result() {
        return new PreferenceDataset(pairs, truncated);
    }

    @Override
    boolean add(Row row) {
        if (!(row instanceof Row.Pair pair)) {
            throw new RowException(
                    "",
                    "The row is of format %s, but preference pairs are wanted; write {\"prompt\", \"chosen\", \"rejected\"}, or choose another method than dpo."
                            .formatted(format().key()));
        }
        Example chosen = encode(pair.chosen(), "chosen");
        Example rejected = encode(pair.rejected(), "rejected");
        if (Arrays.equals(chosen.ids(), rejected.ids())) {
            throw new RowException(
                    "",
                    "The chosen and the rejected answer are the same tokens, so there is nothing to prefer; change one, or drop the row.");
        }
        PreferencePair cut = new PreferencePair(chosen.cut(maxLength), rejected.cut(maxLength));
        truncated += cut.chosen() == chosen && cut.rejected() == rejected ? 0 : 1;
        if (!isLearnable(cut)) {
            return false;
        }
        pairs.add(cut);
        return true;
    }

    private Example encode(Row.Lesson lesson, String side) {
        try {
            Example example = RowEncoder.encode(lesson, encoder).example();
            checks.check(example);
            return example;
        } catch (RowException e) {
            throw e.of(side);
        }
    }

    /** Whether both sides still carry loss after the cut, and still differ. */
    static boolean isLearnable(PreferencePair cut) {
        return cut.chosen().trainedTokens() > 0
                && cut.rejected().trainedTokens() > 0
                && !Arrays.equals(cut.chosen().ids(), cut.rejected().ids());
    }

    @Override
    boolean isEmpty() {
        return pairs.isEmpty();
    }
}
