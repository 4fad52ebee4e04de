package dev.lowrank.engine.data;

/**
 * A stretch of a row's text whose tokens share one fate.
 *
 * @param text what the tokens stand for
 * @param fate what training does with them
 */
public record Piece(String text, Fate fate) {
    /** What training does with a token. */
    public enum Fate {
        /** Seen, but not learned. */
        CONTEXT,
        /** Carries loss. */
        TRAINED,
        /** Beyond the maximum length: not even seen. */
        CUT
    }
}
