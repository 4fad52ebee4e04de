package dev.lowrank.engine.data;

/**
 * Two answers to one prompt, ready to train on. Both sides begin with the prompt's tokens, and only the answers carry loss.
 *
 * @param chosen the better one
 * @param rejected the worse one
 */
public record PreferencePair(Example chosen, Example rejected) {
    /** Tokens of both sides that carry loss. */
    public int trainedTokens() {
        return chosen.trainedTokens() + rejected.trainedTokens();
    }

    /** Tokens of the longer side. */
    public int longestSide() {
        return Math.max(chosen.ids().length, rejected.ids().length);
    }
}
