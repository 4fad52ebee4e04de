package dev.lowrank.engine.template;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Cutting texts into lists. */
final class TextSplit {
    private TextSplit() {}

    static Object split(String text, Arguments arguments, Run run) {
        Arguments.Bound bound = arguments.bind(run, "split()", "sep", "maxsplit");
        String separator = separator("split()", bound, run);
        long most = bound.integer("maxsplit", -1);
        long left = most < 0 ? Long.MAX_VALUE : most;
        return separator == null ? atSpace(text, left, run) : at(text, separator, left, run);
    }

    private static @Nullable String separator(String what, Arguments.Bound bound, Run run) {
        String separator = bound.textOrNull("sep");
        if (separator != null && separator.isEmpty()) {
            throw run.fail("%s needs a separator that is not empty.".formatted(what));
        }
        return separator;
    }

    private static List<Object> at(String text, String separator, long most, Run run) {
        run.search(text, separator);
        List<Object> parts = new ArrayList<>();
        int from = 0;
        for (int at = text.indexOf(separator); at >= 0 && parts.size() < most; at = text.indexOf(separator, from)) {
            add(text.substring(from, at), parts, run);
            from = at + separator.length();
        }
        add(text.substring(from), parts, run);
        return parts;
    }

    private static List<Object> atSpace(String text, long most, Run run) {
        List<Object> parts = new ArrayList<>();
        int from = Characters.skipSpace(text, 0);
        while (from < text.length() && parts.size() < most) {
            int end = from;
            while (end < text.length() && !Characters.isSpace(text.charAt(end))) {
                end++;
            }
            add(text.substring(from, end), parts, run);
            from = Characters.skipSpace(text, end);
        }
        if (from < text.length()) {
            add(text.substring(from), parts, run);
        }
        return parts;
    }

    private static void add(String part, List<Object> parts, Run run) {
        run.elements(1);
        run.text(part.length());
        parts.add(part);
    }

    /** Splits from the end by splitting what is written backwards. */
    static Object splitFromEnd(String text, Arguments arguments, Run run) {
        Arguments.Bound bound = arguments.bind(run, "rsplit()", "sep", "maxsplit");
        String separator = separator("rsplit()", bound, run);
        long most = bound.integer("maxsplit", -1);
        long left = most < 0 ? Long.MAX_VALUE : most;
        String backwards = CodePoints.reversed(text);
        List<Object> parts = separator == null
                ? atSpace(backwards, left, run)
                : at(backwards, CodePoints.reversed(separator), left, run);
        parts.replaceAll(part -> CodePoints.reversed((String) part));
        Collections.reverse(parts);
        return parts;
    }

    static Object lines(String text, Arguments arguments, Run run) {
        boolean keep = arguments.bind(run, "splitlines()", "keepends").flag("keepends");
        return lines(text, keep, run);
    }

    static List<Object> lines(String text, boolean keepEnds, Run run) {
        List<Object> lines = new ArrayList<>();
        int from = 0;
        while (from < text.length()) {
            int end = from;
            while (end < text.length() && !Characters.isLineEnd(text.charAt(end))) {
                end++;
            }
            int next = Math.min(text.length(), text.startsWith("\r\n", end) ? end + 2 : end + 1);
            add(text.substring(from, keepEnds ? next : end), lines, run);
            from = next;
        }
        return lines;
    }

    static Object partition(String text, String separator, boolean last, Run run) {
        if (separator.isEmpty()) {
            throw run.fail("partition() needs a separator that is not empty.");
        }
        run.search(text, separator);
        run.elements(3);
        run.text(text.length());
        int at = last ? text.lastIndexOf(separator) : text.indexOf(separator);
        if (at < 0) {
            return last ? Tuple.of("", "", text) : Tuple.of(text, "", "");
        }
        return Tuple.of(text.substring(0, at), separator, text.substring(at + separator.length()));
    }
}
