package dev.lowrank.engine.data;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToIntFunction;

/** Splits a row's text where the fate of its tokens changes. */
final class Pieces {
    private final EncodedRow row;
    private final int kept;
    private final String text;
    private final ToIntFunction<Integer> offset;

    /** @param kept how many tokens are left after the cut */
    Pieces(EncodedRow row, int kept, RowEncoder encoder) {
        this.row = row;
        this.kept = kept;
        String given = row.text();
        int[] starts = row.starts();
        if (given != null && starts != null) {
            text = given;
            offset = token -> given.offsetByCodePoints(0, starts[token]);
        } else {
            int[] ids = row.example().ids();
            text = encoder.decode(ids);
            // Decoding a stretch alone would lose the space it begins with, so its place is told by what comes before
            // it.
            offset = token -> Math.min(
                    text.length(), encoder.decode(Arrays.copyOf(ids, token)).length());
        }
    }

    List<Piece> split() {
        List<Piece> pieces = new ArrayList<>();
        int tokens = row.example().ids().length;
        int begin = 0;
        for (int from = 0; from < tokens; ) {
            Piece.Fate fate = RowView.fate(row.example(), kept, from);
            int to = from + 1;
            while (to < tokens && RowView.fate(row.example(), kept, to) == fate) {
                to++;
            }
            int end = to == tokens ? text.length() : Math.max(begin, offset.applyAsInt(to));
            pieces.add(new Piece(text.substring(begin, end), fate));
            begin = end;
            from = to;
        }
        return pieces;
    }
}
