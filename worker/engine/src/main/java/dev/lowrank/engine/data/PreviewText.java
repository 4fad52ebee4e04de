package dev.lowrank.engine.data;

import dev.lowrank.engine.spec.DataFormat;
import java.util.List;
import java.util.Locale;

/** A preview as text for a terminal; colours only repeat what the marks say. */
final class PreviewText {
    private static final int BAR = 40;
    private static final int WIDTH = 100;
    private static final int LONGEST_PIECE = 1_600;
    private static final int MOST_IDS = 120;

    private final StringBuilder out = new StringBuilder();
    private final boolean colours;

    private PreviewText(boolean colours) {
        this.colours = colours;
    }

    static String of(DatasetPreview preview, boolean colours) {
        PreviewText text = new PreviewText(colours);
        text.figures(preview);
        text.histogram(preview);
        text.problems(preview);
        text.rows(preview);
        return text.out.toString();
    }

    private void line(String format, Object... values) {
        out.append(String.format(Locale.ROOT, format, values)).append('\n');
    }

    private void figures(DatasetPreview preview) {
        LengthHistogram lengths = preview.lengths();
        line("%-14s %s of %s", "dataset", preview.kind().title(), format(preview));
        line("%-14s %,d usable, %,d not", "rows", preview.rows(), preview.problemCount());
        line("%-14s %,d%s", "tokens", lengths.tokens(), spread(preview));
        line(
                "%-14s %,d tokens, %s",
                "carry loss", preview.trainedTokens(), share(preview.trainedTokens(), lengths.tokens()));
        line(
                "%-14s %s at max_length %,d",
                "cut off",
                preview.truncatedRows() == 0 ? "no row" : rows(preview.truncatedRows()),
                preview.maxLength());
        line(
                "%-14s %s",
                "repeated",
                preview.duplicates() == 0 ? "no row" : rows(preview.duplicates()) + " the same as an earlier one");
        if (preview.emptyRows() > 0) {
            line("%-14s %s with nothing to learn from, which training refuses", "empty", rows(preview.emptyRows()));
        }
        preview.notices().forEach(notice -> line("%-14s %s", "notice", notice));
    }

    private static String spread(DatasetPreview preview) {
        LengthHistogram lengths = preview.lengths();
        String one = isPairs(preview) ? "side" : "row";
        return lengths.shortest() == lengths.longest()
                ? ""
                : String.format(
                        Locale.ROOT,
                        "; a %s has %,d to %,d, half of them at most %,d",
                        one,
                        lengths.shortest(),
                        lengths.longest(),
                        lengths.percentile(0.5));
    }

    private static String format(DatasetPreview preview) {
        return preview.format().key() + (isPairs(preview) ? " pairs" : " rows");
    }

    private static boolean isPairs(DatasetPreview preview) {
        return preview.format() == DataFormat.PREFERENCE;
    }

    private static String rows(long count) {
        return count == 1 ? "1 row" : String.format(Locale.ROOT, "%,d rows", count);
    }

    private static String share(long part, long whole) {
        return whole == 0 ? "none" : String.format(Locale.ROOT, "%.1f %%", 100.0 * part / whole);
    }

    private void histogram(DatasetPreview preview) {
        List<LengthHistogram.Bucket> buckets = preview.lengths().buckets();
        long most =
                buckets.stream().mapToLong(LengthHistogram.Bucket::rows).max().orElse(1);
        if (!buckets.isEmpty()) {
            line("");
            line("%20s", "tokens");
        }
        for (LengthHistogram.Bucket bucket : buckets) {
            boolean cut = bucket.to() > preview.maxLength();
            line(
                    "%,8d to %,8d %-40s %,9d %8s%s",
                    bucket.from(),
                    bucket.to(),
                    bar(bucket.rows(), most),
                    bucket.rows(),
                    share(bucket.rows(), preview.lengths().rows()),
                    cut ? "  ✂" : "");
        }
    }

    /** Down to an eighth of a column, so that a few rows beside many can be seen. */
    private static String bar(long rows, long most) {
        int eighths = (int) Math.ceilDiv(rows * BAR * 8, most);
        int rest = eighths % 8;
        return "█".repeat(eighths / 8) + (rest == 0 ? "" : String.valueOf((char) ('█' + 8 - rest)));
    }

    private void problems(DatasetPreview preview) {
        if (preview.problemCount() > 0) {
            line("");
        }
        String unit = preview.kind().unit();
        preview.problems().forEach(problem -> line("%s %,d: %s", unit, problem.line(), problem.problem()));
        if (preview.problemCount() > preview.problems().size()) {
            line("… and %,d more", preview.problemCount() - preview.problems().size());
        }
    }

    private void rows(DatasetPreview preview) {
        for (RowView view : preview.views()) {
            row(view, preview.kind().unit());
        }
        if (!preview.views().isEmpty()) {
            line("");
            line("⟦ ⟧ carries loss    ✂ cut off: not even seen    ↵ line feed");
        }
    }

    private void row(RowView view, String unit) {
        line("");
        String title = "%s %d%s: %d tokens, %d trained, %d cut off"
                .formatted(
                        unit,
                        view.line(),
                        view.side() == null ? "" : ", " + view.side(),
                        view.whole().ids().length,
                        view.trainedTokens(),
                        view.cutOff());
        line("── %s %s", title, "─".repeat(Math.max(0, WIDTH - title.length() - 4)));
        view.pieces().forEach(piece -> marked(piece.fate(), shown(piece.text())));
        out.append(view.pieces().isEmpty() ? "" : "\n");
        ids(view);
    }

    private void marked(Piece.Fate fate, String text) {
        out.append(
                switch (fate) {
                    case CONTEXT -> text;
                    case TRAINED -> coloured("1;32", "⟦" + text + "⟧");
                    case CUT -> coloured("2;9", "✂" + text);
                });
    }

    private String coloured(String code, String text) {
        return colours ? "\u001b[" + code + "m" + text + "\u001b[0m" : text;
    }

    /** The ids in the same marks; of a long stretch only its ends. */
    private void ids(RowView view) {
        int column = 0;
        out.append("ids");
        int tokens = view.whole().ids().length;
        for (int from = 0; from < tokens; ) {
            int to = from + 1;
            while (to < tokens && view.fate(to) == view.fate(from)) {
                to++;
            }
            StringBuilder stretch = new StringBuilder();
            for (int i = from; i < to; i++) {
                if (to - from > MOST_IDS && i == from + MOST_IDS / 2) {
                    stretch.append(" … %,d more …".formatted(to - from - MOST_IDS));
                    i = to - MOST_IDS / 2;
                }
                String id = " " + view.whole().ids()[i];
                column += id.length();
                if (column > WIDTH - 4) {
                    stretch.append("\n   ");
                    column = id.length();
                }
                stretch.append(id);
            }
            out.append(' ');
            marked(view.fate(from), stretch.append(' ').toString());
            column += 4;
            from = to;
        }
        out.append('\n');
    }

    /** Control characters are shown, not obeyed: a dataset must not be able to steer the terminal. */
    private static String shown(String text) {
        int length = text.codePointCount(0, text.length());
        if (length <= LONGEST_PIECE) {
            return harmless(text);
        }
        int head = text.offsetByCodePoints(0, LONGEST_PIECE / 2);
        int tail = text.offsetByCodePoints(text.length(), -LONGEST_PIECE / 2);
        return harmless(text.substring(0, head))
                + String.format(Locale.ROOT, " [… %,d more characters …] ", length - LONGEST_PIECE)
                + harmless(text.substring(tail));
    }

    private static String harmless(String text) {
        StringBuilder shown = new StringBuilder();
        text.codePoints().forEach(c -> {
            if (c == '\n') {
                shown.append("↵\n");
            } else if (c != '\t' && (Character.isISOControl(c) || turnsText(c))) {
                shown.append(String.format(Locale.ROOT, "\\u%04x", c));
            } else {
                shown.appendCodePoint(c);
            }
        });
        return shown.toString();
    }

    /** Characters that change the direction of what follows, or break lines. */
    private static boolean turnsText(int c) {
        return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029;
    }
}
