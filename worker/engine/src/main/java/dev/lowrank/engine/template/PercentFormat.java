package dev.lowrank.engine.template;

import java.util.Iterator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code "%s has %d" % (a, b)}. */
final class PercentFormat {
    private static final Pattern FIELD = Pattern.compile("%([-+ 0]*)(\\d{0,7})(?:\\.(\\d{0,3}))?([a-zA-Z%])?");

    private PercentFormat() {}

    static String format(String text, Object values, Run run) {
        Iterator<Object> given = (values instanceof Tuple tuple ? tuple : List.of(values)).iterator();
        Sink out = new Sink(run);
        Matcher field = FIELD.matcher(text);
        int from = 0;
        while (field.find(from)) {
            run.step(1);
            out.add(text.substring(from, field.start()));
            from = field.end();
            out.add(field.end() - field.start() == 2 && text.charAt(from - 1) == '%' ? "%" : one(field, given, run));
        }
        if (given.hasNext()) {
            throw run.fail("a format gets more values than it has fields; remove some.");
        }
        return out.add(text.substring(from)).toString();
    }

    private static String one(Matcher field, Iterator<Object> given, Run run) {
        String type = field.group(4);
        if (type == null || !"srdixof".contains(type)) {
            throw run.fail("the format field \"%s\" is not known; use %%s, %%r, %%d, %%x, %%o or %%f."
                    .formatted(field.group()));
        }
        if (!given.hasNext()) {
            throw run.fail("a format has more fields than it gets values; pass more.");
        }
        Object value = given.next();
        boolean text = type.equals("s") || type.equals("r");
        if (!text && !ValueKinds.isNumber(value)) {
            throw run.fail("the format field \"%s\" needs a number, but gets %s."
                    .formatted(field.group(), ValueKinds.described(value)));
        }
        String flags = field.group(1);
        boolean zeros = flags.contains("0") && !text;
        char align = flags.contains("-") ? '<' : zeros ? '=' : '>';
        char sign = flags.contains("+") ? '+' : flags.contains(" ") ? ' ' : '-';
        int precision = field.group(3) == null ? -1 : field.group(3).isEmpty() ? 0 : Integer.parseInt(field.group(3));
        int width = field.group(2).isEmpty() ? 0 : Integer.parseInt(field.group(2));
        String fill = zeros && align == '=' ? "0" : " ";
        return new FieldLayout(fill, align, sign, width, false, precision, type.charAt(0)).lay(value, run);
    }
}
