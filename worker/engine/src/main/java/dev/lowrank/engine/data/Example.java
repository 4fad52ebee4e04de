package dev.lowrank.engine.data;

import java.util.Arrays;

/**
 * One row, ready to train on.
 *
 * @param ids token ids [length]
 * @param labels [length] the id of the token at the same place if it carries loss, else {@link #IGNORED}; not shifted, as
 *     Hugging Face has it, so the first one is never predicted
 */
public record Example(int[] ids, int[] labels) {
    /** The label of a token that carries no loss. */
    public static final int IGNORED = -100;

    public Example {
        if (ids.length != labels.length) {
            throw new IllegalArgumentException("%d ids, but %d labels".formatted(ids.length, labels.length));
        }
    }

    /** How many tokens are predicted and carry loss: labels from the second on that are not ignored. */
    public int trainedTokens() {
        int trained = 0;
        for (int i = 1; i < labels.length; i++) {
            trained += labels[i] == IGNORED ? 0 : 1;
        }
        return trained;
    }

    /** The first {@code length} tokens, or all if there are no more. */
    Example cut(int length) {
        return ids.length <= length ? this : new Example(Arrays.copyOf(ids, length), Arrays.copyOf(labels, length));
    }
}
