package dev.lowrank.engine.data;

import java.util.Locale;

/** A preview as text for a terminal. */
final class PreviewText {
    private static final int BAR = 40;
    private static final int LONGEST_PIECE = 2_000;

    private final StringBuilder out = new StringBuilder();

    private PreviewText() {}

    static String of(DatasetPreview preview) {
        PreviewText text = new PreviewText();
        text.figures(preview);
        text.histogram(preview.lengths());
        preview.problems().forEach(problem -> text.line("line %d: %s", problem.line(), problem.problem()));
        preview.views().forEach(text::row);
        return text.out.toString();
    }

    private void line(String format, Object... values) {
        out.append(format.formatted(values)).append('\n');
    }

    private void figures(DatasetPreview preview) {
        line("format         %s", preview.format().key());
        line("rows           %d", preview.rows());
        line(
                "tokens         %d, of the longest row %d",
                preview.lengths().tokens(), preview.lengths().longest());
        line(
                "trained tokens %d (%s)",
                preview.trainedTokens(),
                share(preview.trainedTokens(), preview.lengths().tokens()));
        line("cut off        %d rows", preview.truncatedRows());
        line("nothing to learn from in %d rows", preview.emptyRows());
        line("unusable       %d rows", preview.problemCount());
    }

    private static String share(long part, long whole) {
        return whole == 0 ? "none" : String.format(Locale.ROOT, "%.1f %%", 100.0 * part / whole);
    }

    private void histogram(LengthHistogram lengths) {
        long most = lengths.buckets().stream()
                .mapToLong(LengthHistogram.Bucket::rows)
                .max()
                .orElse(1);
        for (LengthHistogram.Bucket bucket : lengths.buckets()) {
            int bar = (int) Math.ceilDiv(bucket.rows() * BAR, most);
            line("%7d to %7d tokens %8d %s", bucket.from(), bucket.to(), bucket.rows(), "█".repeat(bar));
        }
    }

    private void row(RowView view) {
        line("");
        line(
                "line %d: %d tokens, %d trained, %d cut off",
                view.line(), view.whole().ids().length, view.trainedTokens(), view.cutOff());
        for (Piece piece : view.pieces()) {
            out.append(
                    switch (piece.fate()) {
                        case CONTEXT -> shown(piece.text());
                        case TRAINED -> "⟦" + shown(piece.text()) + "⟧";
                        case CUT -> "✂" + shown(piece.text());
                    });
        }
        out.append(view.pieces().isEmpty() ? "" : "\n");
    }

    /** Control characters are shown, not obeyed: a dataset must not be able to steer the terminal. */
    private static String shown(String text) {
        StringBuilder shown = new StringBuilder();
        text.codePoints().limit(LONGEST_PIECE).forEach(c -> {
            if (c == '\n') {
                shown.append("↵\n");
            } else if (Character.isISOControl(c) && c != '\t') {
                shown.append(String.format(Locale.ROOT, "\\u%04x", c));
            } else {
                shown.appendCodePoint(c);
            }
        });
        return text.codePointCount(0, text.length()) > LONGEST_PIECE ? shown + "…" : shown.toString();
    }
}
