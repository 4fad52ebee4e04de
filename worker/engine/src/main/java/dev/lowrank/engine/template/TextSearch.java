package dev.lowrank.engine.template;

import java.util.ArrayList;
import java.util.List;

/** Looking for a text inside a text; places are counted in characters. */
final class TextSearch {
    private TextSearch() {}

    /** The part of a text that a search is limited to, and the character it starts at. */
    private record Part(String text, long start, String wanted) {}

    private static Part part(String what, String text, Arguments arguments, Run run) {
        Arguments.Bound bound = arguments.bind(run, what, "value", "start", "end");
        String wanted = bound.text("value");
        run.search(text, wanted);
        if (bound.value("start") == null && bound.value("end") == null) {
            return new Part(text, 0, wanted);
        }
        int length = CodePoints.length(text);
        long start = place(bound.integer("start", 0), length);
        long end = place(bound.integer("end", length), length);
        // Behind the end not even the empty text is found.
        boolean outside = bound.integer("start", 0) > length || start > end;
        return outside
                ? new Part("", -1, "\uffff")
                : new Part(CodePoints.sub(text, (int) start, (int) end), start, wanted);
    }

    private static long place(long index, int length) {
        return Math.clamp(index < 0 ? index + length : index, 0, length);
    }

    static long find(String what, String text, Arguments arguments, Run run) {
        Part part = part(what, text, arguments, run);
        return counted(part, part.text().indexOf(part.wanted()));
    }

    static long findLast(String what, String text, Arguments arguments, Run run) {
        Part part = part(what, text, arguments, run);
        return counted(part, part.text().lastIndexOf(part.wanted()));
    }

    private static long counted(Part part, int at) {
        return at < 0 ? -1 : part.start() + part.text().codePointCount(0, at);
    }

    static long found(long at, Run run) {
        if (at < 0) {
            throw run.fail("index() does not find its text; use find() or guard it with \"in\".");
        }
        return at;
    }

    static Object count(String text, Arguments arguments, Run run) {
        Part part = part("count()", text, arguments, run);
        if (part.wanted().isEmpty()) {
            return CodePoints.length(part.text()) + 1L;
        }
        long count = 0;
        int from = part.text().indexOf(part.wanted());
        while (from >= 0) {
            count++;
            from = part.text().indexOf(part.wanted(), from + part.wanted().length());
        }
        return count;
    }

    static boolean startsWith(String text, Arguments arguments, Run run) {
        return any("startswith()", text, arguments, true, run);
    }

    static boolean endsWith(String text, Arguments arguments, Run run) {
        return any("endswith()", text, arguments, false, run);
    }

    private static boolean any(String what, String text, Arguments arguments, boolean start, Run run) {
        Object first = arguments.positional().isEmpty()
                ? None.NONE
                : arguments.positional().getFirst();
        List<Object> choices = first instanceof Tuple tuple ? tuple : List.of(first);
        boolean found = false;
        for (Object choice : choices) {
            List<Object> rest = arguments.rest(1).positional();
            List<Object> all = new ArrayList<>(List.of(choice));
            all.addAll(rest);
            Part part = part(what, text, new Arguments(all, arguments.named()), run);
            found |= start ? part.text().startsWith(part.wanted()) : part.text().endsWith(part.wanted());
        }
        return found;
    }
}
