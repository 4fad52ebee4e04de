package dev.lowrank.engine.template;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The methods of texts. */
final class StringMethods {
    /** A method: the text, what is passed, the run. */
    private interface Method {
        Object call(String text, Arguments arguments, Run run);
    }

    private static final Map<String, Method> METHODS = Map.ofEntries(
            Map.entry(
                    "strip",
                    (text, in, run) -> TextEdges.strip(text, characters("strip()", text, in, run), true, true)),
            Map.entry(
                    "lstrip",
                    (text, in, run) -> TextEdges.strip(text, characters("lstrip()", text, in, run), true, false)),
            Map.entry(
                    "rstrip",
                    (text, in, run) -> TextEdges.strip(text, characters("rstrip()", text, in, run), false, true)),
            Map.entry("removeprefix", (text, in, run) -> TextEdges.withoutPrefix(text, one("removeprefix()", in, run))),
            Map.entry("removesuffix", (text, in, run) -> TextEdges.withoutSuffix(text, one("removesuffix()", in, run))),
            Map.entry("startswith", (text, in, run) -> TextSearch.startsWith(text, in, run)),
            Map.entry("endswith", (text, in, run) -> TextSearch.endsWith(text, in, run)),
            Map.entry("find", (text, in, run) -> TextSearch.find("find()", text, in, run)),
            Map.entry("rfind", (text, in, run) -> TextSearch.findLast("rfind()", text, in, run)),
            Map.entry("index", (text, in, run) -> TextSearch.found(TextSearch.find("index()", text, in, run), run)),
            Map.entry(
                    "rindex", (text, in, run) -> TextSearch.found(TextSearch.findLast("rindex()", text, in, run), run)),
            Map.entry("count", TextSearch::count),
            Map.entry("split", TextSplit::split),
            Map.entry("rsplit", TextSplit::splitFromEnd),
            Map.entry("splitlines", TextSplit::lines),
            Map.entry(
                    "partition", (text, in, run) -> TextSplit.partition(text, one("partition()", in, run), false, run)),
            Map.entry(
                    "rpartition",
                    (text, in, run) -> TextSplit.partition(text, one("rpartition()", in, run), true, run)),
            Map.entry("replace", StringMethods::replace),
            Map.entry("join", StringMethods::join),
            Map.entry("format", BraceFormat::format),
            Map.entry("upper", (text, in, run) -> TextCase.upper(none("upper()", text, in, run))),
            Map.entry("lower", (text, in, run) -> TextCase.lower(none("lower()", text, in, run))),
            Map.entry("casefold", (text, in, run) -> TextCase.lower(none("casefold()", text, in, run))),
            Map.entry("capitalize", (text, in, run) -> TextCase.capitalize(none("capitalize()", text, in, run))),
            Map.entry("title", (text, in, run) -> TextCase.title(none("title()", text, in, run))),
            Map.entry("swapcase", (text, in, run) -> TextCase.swap(none("swapcase()", text, in, run))),
            Map.entry("center", (text, in, run) -> TextEdges.pad("center()", text, in, true, true, run)),
            Map.entry("ljust", (text, in, run) -> TextEdges.pad("ljust()", text, in, false, true, run)),
            Map.entry("rjust", (text, in, run) -> TextEdges.pad("rjust()", text, in, true, false, run)),
            Map.entry("zfill", TextEdges::zeros),
            Map.entry("isdigit", (text, in, run) -> TextCase.all(text, Character::isDigit)),
            Map.entry("isdecimal", (text, in, run) -> TextCase.all(text, Character::isDigit)),
            Map.entry("isnumeric", (text, in, run) -> TextCase.all(text, TextCase::isNumeric)),
            Map.entry("isalpha", (text, in, run) -> TextCase.all(text, Character::isLetter)),
            Map.entry(
                    "isalnum",
                    (text, in, run) -> TextCase.all(text, c -> Character.isLetter(c) || TextCase.isNumeric(c))),
            Map.entry("isspace", (text, in, run) -> TextCase.all(text, Characters::isSpace)),
            Map.entry("isupper", (text, in, run) -> TextCase.isUpper(text)),
            Map.entry("islower", (text, in, run) -> TextCase.isLower(text)));

    private StringMethods() {}

    static @Nullable Callable bound(String text, String name) {
        Method method = METHODS.get(name);
        if (method == null) {
            return null;
        }
        return (arguments, run) -> {
            run.scan(text.length());
            Object result = method.call(text, arguments, run);
            if (result instanceof String made && !made.equals(text)) {
                run.text(made.length());
            }
            return result;
        };
    }

    private static String none(String what, String text, Arguments arguments, Run run) {
        arguments.bind(run, what);
        return text;
    }

    private static String one(String what, Arguments arguments, Run run) {
        return arguments.bind(run, what, "value").text("value");
    }

    private static @Nullable String characters(String what, String text, Arguments arguments, Run run) {
        String characters = arguments.bind(run, what, "chars").textOrNull("chars");
        run.search(text, characters == null ? "" : characters);
        return characters;
    }

    private static Object replace(String text, Arguments arguments, Run run) {
        Arguments.Bound bound = arguments.bind(run, "replace()", "old", "new", "count");
        return replace(text, bound.text("old"), bound.text("new"), bound.integer("count", -1), run);
    }

    /** @param count how many places at most; negative for all */
    static String replace(String text, String old, String replacement, long count, Run run) {
        run.search(text, old);
        Sink out = new Sink(run);
        int from = 0;
        long left = count < 0 ? Long.MAX_VALUE : count;
        if (old.isEmpty()) {
            return between(text, replacement, left, run);
        }
        for (int at = text.indexOf(old); at >= 0 && left > 0; at = text.indexOf(old, from), left--) {
            run.step(1);
            out.add(text.substring(from, at)).add(replacement);
            from = at + old.length();
        }
        return from == 0 ? text : out.add(text.substring(from)).toString();
    }

    /** Python finds the empty text before each character and at the end. */
    private static String between(String text, String replacement, long count, Run run) {
        Sink out = new Sink(run);
        long left = count;
        for (Object character : Sequences.list(text, run)) {
            if (left-- > 0) {
                out.add(replacement);
            }
            out.add((String) character);
        }
        return left > 0 ? out.add(replacement).toString() : out.toString();
    }

    private static Object join(String text, Arguments arguments, Run run) {
        Sink out = new Sink(run);
        String separator = "";
        List<Object> items =
                Sequences.list(arguments.bind(run, "join()", "items").required("items"), run);
        for (Object item : items) {
            if (!Operators.isText(item)) {
                throw run.fail("join() gets %s, but joins texts only; use the filter \"join\" instead."
                        .formatted(ValueKinds.described(item)));
            }
            out.add(separator).add(PythonText.str(item, run));
            separator = text;
        }
        return out.toString();
    }
}
