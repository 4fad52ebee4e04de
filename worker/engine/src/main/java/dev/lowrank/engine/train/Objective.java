package dev.lowrank.engine.train;

import dev.lowrank.engine.data.Dataset;
import dev.lowrank.engine.data.PreferenceDataset;
import dev.lowrank.engine.data.RowSet;
import dev.lowrank.kernels.Kernels;
import dev.lowrank.kernels.Workspace;

/**
 * What a run minimises over the rows of a file: the cross-entropy of tokens, or a preference between answers. A step's
 * loss is the sum over its rows divided by their weight, whatever the micro-batches they came in.
 */
interface Objective {
    /** The file's rows. */
    RowSet data();

    /** Tokens of a row, both sides of a pair together. */
    int tokens(int row);

    /** Sequences that a row is: two for a pair. */
    default int sequencesOfRow() {
        return 1;
    }

    /** What the loss over these rows is divided by. */
    long weight(int[] rows);

    /** Adds the gradients of {@code scale * loss} of a micro-batch to those of the parameters. */
    LossParts forwardBackward(int[] rows, double scale, long dropoutKey);

    /** The whole file, without training on it. */
    LossParts measure();

    /** The whole file, judged by the base before any training. */
    LossParts measureBase();

    static Objective of(Dataset data, Trainee trainee, Kernels kernels, Workspace scratch) {
        return new TokenObjective(data, trainee, kernels, scratch);
    }

    static Objective of(PreferenceDataset pairs, Trainee trainee, double beta, Kernels kernels, Workspace scratch) {
        return new PreferenceObjective(pairs, trainee, beta, kernels, scratch);
    }
}
