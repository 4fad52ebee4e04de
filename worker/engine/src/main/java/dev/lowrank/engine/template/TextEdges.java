package dev.lowrank.engine.template;

import org.jspecify.annotations.Nullable;

/** Taking away and adding at the ends of texts. */
final class TextEdges {
    private TextEdges() {}

    /** @param characters what to take away, or null for white space */
    static String strip(String text, @Nullable String characters, boolean start, boolean end) {
        int from = 0;
        int to = text.length();
        while (start && from < to && goes(text.codePointAt(from), characters)) {
            from += Character.charCount(text.codePointAt(from));
        }
        while (end && to > from && goes(text.codePointBefore(to), characters)) {
            to -= Character.charCount(text.codePointBefore(to));
        }
        return text.substring(from, to);
    }

    private static boolean goes(int c, @Nullable String characters) {
        return characters == null ? Characters.isSpace(c) : characters.indexOf(c) >= 0;
    }

    static String withoutPrefix(String text, String prefix) {
        return text.startsWith(prefix) ? text.substring(prefix.length()) : text;
    }

    static String withoutSuffix(String text, String suffix) {
        return text.endsWith(suffix) ? text.substring(0, text.length() - suffix.length()) : text;
    }

    static String pad(String what, String text, Arguments arguments, boolean before, boolean after, Run run) {
        Arguments.Bound bound = arguments.bind(run, what, "width", "fillchar");
        String fill = bound.value("fillchar") == null ? " " : bound.text("fillchar");
        if (CodePoints.length(fill) != 1) {
            throw run.fail("%s needs one character to fill with.".formatted(what));
        }
        return pad(text, bound.requiredInteger("width"), fill, before, after, run);
    }

    static String pad(String text, long width, String fill, boolean before, boolean after, Run run) {
        long missing = width - CodePoints.length(text);
        if (missing <= 0) {
            return text;
        }
        run.text(width * 2);
        long left = !before ? 0 : !after ? missing : missing / 2 + (missing & width & 1);
        return fill.repeat((int) left) + text + fill.repeat((int) (missing - left));
    }

    static String zeros(String text, Arguments arguments, Run run) {
        long width = arguments.bind(run, "zfill()", "width").requiredInteger("width");
        boolean signed = text.startsWith("-") || text.startsWith("+");
        String sign = signed ? text.substring(0, 1) : "";
        return sign + pad(text.substring(sign.length()), width - sign.length(), "0", true, false, run);
    }
}
