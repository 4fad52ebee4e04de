package dev.lowrank.engine.template;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code "{} has {n:>3}".format(a, n=b)}; fields name whole arguments only, nothing inside them. */
final class BraceFormat {
    private static final Pattern SPEC = Pattern.compile(
            "(?:(.)?([<>^=]))?([-+ ])?(0)?(\\d{0,7})(,)?(?:\\.(\\d{1,3}))?([a-zA-Z%])?", Pattern.DOTALL);

    private BraceFormat() {}

    static String format(String text, Arguments arguments, Run run) {
        Sink out = new Sink(run);
        int automatic = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if ((c == '{' || c == '}') && i + 1 < text.length() && text.charAt(i + 1) == c) {
                out.add(String.valueOf(c));
                i++;
            } else if (c == '{') {
                int end = text.indexOf('}', i);
                if (end < 0) {
                    throw run.fail("format() finds \"{\" without \"}\"; write {{ for the character itself.");
                }
                String field = text.substring(i + 1, end);
                out.add(field(field, automatic, arguments, run));
                automatic += field.isEmpty() || field.startsWith(":") || field.startsWith("!") ? 1 : 0;
                i = end;
            } else if (c == '}') {
                throw run.fail("format() finds \"}\" without \"{\"; write }} for the character itself.");
            } else {
                out.add(String.valueOf(c));
            }
        }
        return out.toString();
    }

    private static String field(String field, int automatic, Arguments arguments, Run run) {
        run.step(1);
        int colon = field.indexOf(':');
        String head = colon < 0 ? field : field.substring(0, colon);
        String spec = colon < 0 ? "" : field.substring(colon + 1);
        boolean repr = head.endsWith("!r");
        String name = repr || head.endsWith("!s") ? head.substring(0, head.length() - 2) : head;
        Object value = argument(name.isEmpty() ? Integer.toString(automatic) : name, arguments, run);
        return lay(repr ? PythonText.repr(value, run) : value, spec, run);
    }

    private static Object argument(String name, Arguments arguments, Run run) {
        Object value = arguments.named().get(name);
        boolean place = name.length() < 6 && name.chars().allMatch(c -> c >= '0' && c <= '9');
        if (place && Integer.parseInt(name) < arguments.positional().size()) {
            value = arguments.positional().get(Integer.parseInt(name));
        }
        if (value == null) {
            throw run.fail("format() has no argument \"%s\"; pass it, and name whole arguments only.".formatted(name));
        }
        return value;
    }

    private static String lay(Object value, String spec, Run run) {
        Matcher m = SPEC.matcher(spec);
        if (!m.matches()) {
            throw run.fail(
                    "format() does not understand \":%s\"; use forms such as :>8, :05d or :.2f.".formatted(spec));
        }
        boolean zeros = m.group(4) != null;
        char natural = ValueKinds.isNumber(value) ? (zeros ? '=' : '>') : '<';
        return new FieldLayout(
                        m.group(1) != null ? m.group(1) : zeros ? "0" : " ",
                        m.group(2) != null ? m.group(2).charAt(0) : natural,
                        m.group(3) != null ? m.group(3).charAt(0) : '-',
                        m.group(5).isEmpty() ? 0 : Integer.parseInt(m.group(5)),
                        m.group(6) != null,
                        m.group(7) != null ? Integer.parseInt(m.group(7)) : -1,
                        m.group(8) != null ? m.group(8).charAt(0) : 0)
                .lay(value, run);
    }
}
