package dev.lowrank.engine.data;

import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A row, or one side of a pair, as the model will see it.
 *
 * @param line in the file, counted from 1
 * @param side "chosen" or "rejected"; null for a row that is no pair
 * @param whole all tokens and labels, before the cut
 * @param kept how many of the tokens are left after the cut
 * @param pieces the row's text in order, or nothing if there is no tokenizer to tell it
 */
public record RowView(long line, @Nullable String side, Example whole, int kept, List<Piece> pieces) {
    public RowView {
        pieces = List.copyOf(pieces);
    }

    /** The row's whole text, the part that is cut off included. */
    public String text() {
        return pieces.stream().map(Piece::text).collect(Collectors.joining());
    }

    /** What becomes of the token at this place; the first one is never predicted, so it never carries loss. */
    public Piece.Fate fate(int token) {
        return fate(whole, kept, token);
    }

    static Piece.Fate fate(Example whole, int kept, int token) {
        if (token >= kept) {
            return Piece.Fate.CUT;
        }
        return token > 0 && whole.labels()[token] != Example.IGNORED ? Piece.Fate.TRAINED : Piece.Fate.CONTEXT;
    }

    /** Tokens that carry loss after the cut. */
    public int trainedTokens() {
        return whole.cut(kept).trainedTokens();
    }

    /** Tokens that were cut off. */
    public int cutOff() {
        return whole.ids().length - kept;
    }
}
