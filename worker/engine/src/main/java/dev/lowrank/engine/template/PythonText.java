package dev.lowrank.engine.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import java.math.RoundingMode;
import java.util.List;
import java.util.Map;

/** Values as Python's {@code str()} and {@code repr()} write them. */
final class PythonText {
    private PythonText() {}

    static String str(Object value, Run run) {
        return switch (value) {
            case String text -> text;
            case Markup markup -> markup.text();
            case Undefined undefined -> "";
            default -> repr(value, run);
        };
    }

    static String repr(Object value, Run run) {
        Sink out = new Sink(run);
        write(value, out, 0, run);
        return out.toString();
    }

    private static void write(Object value, Sink out, int depth, Run run) {
        run.step(1);
        if (depth > Limits.VALUE_DEPTH) {
            throw run.fail("a value that is printed is more than %d levels deep; build a flatter one."
                    .formatted(Limits.VALUE_DEPTH));
        }
        switch (value) {
            case None none -> out.add("None");
            case Boolean flag -> out.add(flag ? "True" : "False");
            case Long number -> out.add(number.toString());
            case BigInteger number -> out.add(number.toString());
            case Double number -> out.add(real(number));
            case String text -> quote(text, out, run);
            case Markup markup -> {
                out.add("Markup(");
                quote(markup.text(), out, run);
                out.add(")");
            }
            case Undefined undefined -> out.add("Undefined");
            case Tuple tuple -> series("(", tuple, tuple.size() == 1 ? ",)" : ")", out, depth, run);
            case Range range -> out.add(range.toString());
            case List<?> list -> series("[", list, "]", out, depth, run);
            case Map<?, ?> map -> map(map, out, depth, run);
            case DictView view -> series(view.kind() + "([", view.entries(), "])", out, depth, run);
            case Lazy lazy -> throw run.fail("a filter's elements are printed as they are; add |list or |join.");
            default ->
                throw run.fail("%s is printed, but has no text; print what it gives or holds."
                        .formatted(ValueKinds.described(value)));
        }
    }

    private static void series(String open, List<?> items, String close, Sink out, int depth, Run run) {
        out.add(open);
        String separator = "";
        for (Object item : items) {
            out.add(separator);
            write(item, out, depth + 1, run);
            separator = ", ";
        }
        out.add(close);
    }

    private static void map(Map<?, ?> map, Sink out, int depth, Run run) {
        out.add("{");
        String separator = "";
        for (Map.Entry<Object, Object> entry : Sequences.entries(map).entrySet()) {
            out.add(separator);
            write(entry.getKey(), out, depth + 1, run);
            out.add(": ");
            write(entry.getValue(), out, depth + 1, run);
            separator = ", ";
        }
        out.add("}");
    }

    /** A float as Python writes it: the shortest digits that read back the same, with an exponent from 1e16 on. */
    static String real(double number) {
        if (Double.isNaN(number)) {
            return "nan";
        }
        if (Double.isInfinite(number)) {
            return number > 0 ? "inf" : "-inf";
        }
        if (number == 0) {
            return 1 / number > 0 ? "0.0" : "-0.0";
        }
        BigDecimal shortest = shortest(number);
        int exponent = shortest.precision() - shortest.scale() - 1;
        if (exponent >= -4 && exponent < 16) {
            String plain = shortest.toPlainString();
            return plain.indexOf('.') < 0 ? plain + ".0" : plain;
        }
        String digits = shortest.unscaledValue().abs().toString();
        String fraction = digits.length() > 1 ? "." + digits.substring(1) : "";
        return "%s%s%se%s%02d"
                .formatted(
                        number < 0 ? "-" : "",
                        digits.charAt(0),
                        fraction,
                        exponent < 0 ? "-" : "+",
                        Math.abs(exponent));
    }

    /** Java writes two digits even where one is enough, which shows in the very smallest numbers. */
    private static BigDecimal shortest(double number) {
        BigDecimal digits = new BigDecimal(Double.toString(number)).stripTrailingZeros();
        BigDecimal one = digits.round(new MathContext(1, RoundingMode.HALF_EVEN));
        return one.doubleValue() == number ? one.stripTrailingZeros() : digits;
    }

    private static void quote(String text, Sink out, Run run) {
        run.text(text.length());
        char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        StringBuilder quoted = new StringBuilder(text.length() + 2).append(quote);
        text.codePoints().forEach(c -> escape(c, quote, quoted));
        out.add(quoted.append(quote).toString());
    }

    private static void escape(int c, char quote, StringBuilder out) {
        switch (c) {
            case '\n' -> out.append("\\n");
            case '\r' -> out.append("\\r");
            case '\t' -> out.append("\\t");
            case '\\' -> out.append("\\\\");
            default -> {
                if (c == quote) {
                    out.append('\\').append(quote);
                } else if (isPrintable(c)) {
                    out.appendCodePoint(c);
                } else {
                    out.append((c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x").formatted(c));
                }
            }
        }
    }

    private static boolean isPrintable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.PRIVATE_USE,
                    Character.UNASSIGNED,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR -> false;
            case Character.SPACE_SEPARATOR -> c == ' ';
            default -> true;
        };
    }
}
