package dev.lowrank.engine.train;

import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.data.Example;
import dev.lowrank.engine.data.PreferenceDataset;
import dev.lowrank.engine.data.PreferencePair;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Workspace;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** How long the rows of a file are, which is all of them that memory depends on; a pair has two sides. */
final class RowLengths {
    private final int[] rows;
    private final int @Nullable [] rejected;

    private RowLengths(int[] rows, int @Nullable [] rejected) {
        this.rows = rows;
        this.rejected = rejected;
    }

    static RowLengths of(Dataset data) {
        int[] rows = new int[data.size()];
        Arrays.setAll(rows, row -> data.get(row).ids().length);
        return new RowLengths(rows, null);
    }

    static RowLengths of(PreferenceDataset pairs) {
        int[] chosen = new int[pairs.size()];
        int[] rejected = new int[pairs.size()];
        Arrays.setAll(chosen, row -> pairs.get(row).chosen().ids().length);
        Arrays.setAll(rejected, row -> pairs.get(row).rejected().ids().length);
        return new RowLengths(chosen, rejected);
    }

    int size() {
        return rows.length;
    }

    /** Tokens of a row, both sides together. */
    int tokens(int row) {
        return rows[row] + (rejected == null ? 0 : rejected[row]);
    }

    /** Tokens of a row's longer side. */
    int longest(int row) {
        return rejected == null ? rows[row] : Math.max(rows[row], rejected[row]);
    }

    /** Tokens of the longest sequence. */
    int longest() {
        int longest = 0;
        for (int row = 0; row < size(); row++) {
            longest = Math.max(longest, longest(row));
        }
        return longest;
    }

    int sequencesOfRow() {
        return rejected == null ? 1 : 2;
    }

    /** The same where sequences are cut off at a length. */
    RowLengths cut(int most) {
        return new RowLengths(cut(rows, most), rejected == null ? null : cut(rejected, most));
    }

    private static int[] cut(int[] lengths, int most) {
        return Arrays.stream(lengths).map(length -> Math.min(length, most)).toArray();
    }

    /** The objective over rows of these lengths that say nothing, all of whose tokens are trained. */
    Objective blank(int[] chosen, @Nullable Double beta, Trainee trainee, Kernels kernels, Workspace scratch) {
        if (beta == null || rejected == null) {
            List<Example> examples =
                    Arrays.stream(chosen).mapToObj(row -> blank(rows[row])).toList();
            return Objective.of(Dataset.of(examples), trainee, kernels, scratch);
        }
        List<PreferencePair> pairs = Arrays.stream(chosen)
                .mapToObj(row -> new PreferencePair(blank(rows[row]), blank(rejected[row])))
                .toList();
        return Objective.of(PreferenceDataset.of(pairs), trainee, beta, kernels, scratch);
    }

    private static Example blank(int length) {
        return new Example(new int[length], new int[length]);
    }
}
