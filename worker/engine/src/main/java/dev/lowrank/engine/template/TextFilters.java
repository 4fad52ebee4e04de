package dev.lowrank.engine.template;

import dev.lowrank.engine.template.Filters.Filter;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;

/** Filters that give texts. */
final class TextFilters {
    static final Map<String, Filter> BY_NAME = Map.ofEntries(
            Map.entry("string", (value, in, run) -> soft("string", value, in, text -> text, run)),
            Map.entry("upper", (value, in, run) -> soft("upper", value, in, TextCase::upper, run)),
            Map.entry("lower", (value, in, run) -> soft("lower", value, in, TextCase::lower, run)),
            Map.entry("title", (value, in, run) -> soft("title", value, in, TextCase::titleWords, run)),
            Map.entry("capitalize", (value, in, run) -> soft("capitalize", value, in, TextCase::capitalize, run)),
            Map.entry("trim", TextFilters::trim),
            Map.entry("replace", TextFilters::replace),
            Map.entry("indent", TextFilters::indent),
            Map.entry("truncate", TextFilters::truncate),
            Map.entry("center", TextFilters::center),
            Map.entry("format", TextFilters::format),
            Map.entry("wordcount", TextFilters::wordCount),
            Map.entry("safe", TextFilters::safe),
            Map.entry("escape", TextFilters::escape),
            Map.entry("e", TextFilters::escape),
            Map.entry("forceescape", (value, in, run) -> Markup.escaped(PythonText.str(value, run))));

    private static final Pattern WORD = Pattern.compile("\\w+", Pattern.UNICODE_CHARACTER_CLASS);

    private TextFilters() {}

    private static Object soft(String name, Object value, Arguments in, UnaryOperator<String> change, Run run) {
        in.bind(run, "the filter \"" + name + "\"");
        String text = PythonText.str(value, run);
        run.text(text.length());
        return like(value, change.apply(text));
    }

    /** What was escaped stays so. */
    private static Object like(Object value, String text) {
        return value instanceof Markup ? new Markup(text) : text;
    }

    private static Object trim(Object value, Arguments in, Run run) {
        String characters = in.bind(run, "the filter \"trim\"", "chars").textOrNull("chars");
        String text = PythonText.str(value, run);
        run.search(text, characters == null ? "" : characters);
        run.text(text.length());
        return like(value, TextEdges.strip(text, characters, true, true));
    }

    private static Object replace(Object value, Arguments in, Run run) {
        Arguments.Bound bound = in.bind(run, "the filter \"replace\"", "old", "new", "count");
        String old = PythonText.str(bound.required("old"), run);
        String replacement = PythonText.str(bound.required("new"), run);
        return StringMethods.replace(PythonText.str(value, run), old, replacement, bound.integer("count", -1), run);
    }

    private static Object indent(Object value, Arguments in, Run run) {
        Arguments.Bound bound = in.bind(run, "the filter \"indent\"", "width", "first", "blank");
        Object width = bound.or("width", 4L);
        String indent = Operators.isText(width) ? bound.text("width") : spaces(bound.integer("width", 4), run);
        if (value instanceof Undefined undefined) {
            throw undefined.used(run);
        }
        if (!Operators.isText(value)) {
            throw run.fail("the filter \"indent\" gets %s; indent texts only.".formatted(ValueKinds.described(value)));
        }
        // The added line end keeps the last line apart when it is empty, as in Jinja.
        List<Object> lines = TextSplit.lines(PythonText.str(value, run) + "\n", false, run);
        Sink out = new Sink(run);
        out.add(bound.flag("first") ? indent : "");
        for (int i = 0; i < lines.size(); i++) {
            String line = (String) lines.get(i);
            boolean indented = i > 0 && (bound.flag("blank") || !line.isEmpty());
            out.add(i > 0 ? "\n" : "").add(indented ? indent : "").add(line);
        }
        return like(value, out.toString());
    }

    private static String spaces(long width, Run run) {
        long count = Math.max(0, width);
        run.text(count);
        return " ".repeat((int) count);
    }

    private static Object truncate(Object value, Arguments in, Run run) {
        Arguments.Bound bound = in.bind(run, "the filter \"truncate\"", "length", "killwords", "end", "leeway");
        String text = PythonText.str(value, run);
        String end = bound.value("end") == null ? "..." : bound.text("end");
        long length = bound.integer("length", 255);
        long leeway = bound.integer("leeway", 5);
        long kept = length - CodePoints.length(end);
        if (kept < 0 || leeway < 0) {
            throw run.fail("the filter \"truncate\" needs a length of at least its end, and no negative leeway.");
        }
        run.text(text.length());
        if (CodePoints.length(text) <= length + leeway) {
            return text;
        }
        String cut = CodePoints.sub(text, 0, (int) kept);
        int space = cut.lastIndexOf(' ');
        return (bound.flag("killwords") || space < 0 ? cut : cut.substring(0, space)) + end;
    }

    private static Object center(Object value, Arguments in, Run run) {
        long width = in.bind(run, "the filter \"center\"", "width").integer("width", 80);
        return TextEdges.pad(PythonText.str(value, run), width, " ", true, true, run);
    }

    private static Object format(Object value, Arguments in, Run run) {
        String text = PythonText.str(value, run);
        if (!in.named().isEmpty()) {
            throw run.fail("the filter \"format\" takes values by position only here; use %s in order.");
        }
        return PercentFormat.format(text, Tuple.copyOf(in.positional()), run);
    }

    private static Object wordCount(Object value, Arguments in, Run run) {
        in.bind(run, "the filter \"wordcount\"");
        String text = PythonText.str(value, run);
        run.scan(text.length() * 8L);
        return WORD.matcher(text).results().count();
    }

    private static Object safe(Object value, Arguments in, Run run) {
        in.bind(run, "the filter \"safe\"");
        return value instanceof Markup ? value : new Markup(PythonText.str(value, run));
    }

    private static Object escape(Object value, Arguments in, Run run) {
        in.bind(run, "the filter \"escape\"");
        return value instanceof Markup ? value : Markup.escaped(PythonText.str(value, run));
    }
}
