package dev.lowrank.engine.template;

import dev.lowrank.engine.template.Filters.Filter;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Filters that give numbers. */
final class NumberFilters {
    static final Map<String, Filter> BY_NAME = Map.of(
            "abs", NumberFilters::abs,
            "round", NumberFilters::round,
            "int", NumberFilters::whole,
            "float", NumberFilters::real);

    private static final Pattern REAL = Pattern.compile(
            "[+-]?(?:\\d+(?:_\\d+)*+(?:\\.(?:\\d+(?:_\\d+)*+)?)?|\\.\\d+(?:_\\d+)*+)(?:[eE][+-]?\\d+)?");
    private static final Pattern SPECIAL = Pattern.compile("[+-]?(?:inf|infinity|nan)");
    private static final int LONGEST_NUMBER = 400;

    private NumberFilters() {}

    private static Object abs(Object value, Arguments in, Run run) {
        in.bind(run, "the filter \"abs\"");
        Object number = number("abs", value, run);
        return Numbers.real(number) < 0 ? Operators.signed(true, number, run) : Operators.signed(false, number, run);
    }

    private static Object number(String filter, Object value, Run run) {
        if (value instanceof Undefined undefined) {
            throw undefined.used(run);
        }
        if (!ValueKinds.isNumber(value)) {
            throw run.fail(
                    "the filter \"%s\" gets %s; give it a number.".formatted(filter, ValueKinds.described(value)));
        }
        return value;
    }

    private static Object round(Object value, Arguments in, Run run) {
        Arguments.Bound bound = in.bind(run, "the filter \"round\"", "precision", "method");
        Object number = number("round", value, run);
        int precision = Math.clamp(bound.integer("precision", 0), -400, 400);
        String method = bound.value("method") == null ? "common" : bound.text("method");
        double factor = Math.pow(10, precision);
        return switch (method) {
            case "common" -> common(number, precision);
            case "ceil" -> Math.ceil(Numbers.real(number) * factor) / factor;
            case "floor" -> Math.floor(Numbers.real(number) * factor) / factor;
            default ->
                throw run.fail(
                        "the filter \"round\" has no method \"%s\"; use common, ceil or floor.".formatted(method));
        };
    }

    /** Half-way cases go to the even digit, as in Python. */
    private static Object common(Object number, int precision) {
        if (!(number instanceof Double real)) {
            Object whole = number instanceof Boolean flag ? (flag ? 1L : 0L) : number;
            return precision >= 0
                    ? whole
                    : Inputs.integer(new BigDecimal(whole.toString())
                            .setScale(precision, RoundingMode.HALF_EVEN)
                            .toBigInteger());
        }
        if (!Double.isFinite(real)) {
            return real;
        }
        double rounded =
                new BigDecimal(real).setScale(precision, RoundingMode.HALF_EVEN).doubleValue();
        return Math.copySign(rounded, real);
    }

    private static Object whole(Object value, Arguments in, Run run) {
        Arguments.Bound bound = in.bind(run, "the filter \"int\"", "default", "base");
        Object otherwise = bound.or("default", 0L);
        return switch (value) {
            case Undefined undefined -> throw undefined.used(run);
            case Boolean flag -> flag ? 1L : 0L;
            case Long number -> number;
            case BigInteger number -> number;
            case Double number -> truncated(number, otherwise);
            case String text -> whole(text, Math.clamp(bound.integer("base", 10), 2, 36), otherwise);
            case Markup markup -> whole(markup.text(), Math.clamp(bound.integer("base", 10), 2, 36), otherwise);
            default -> otherwise;
        };
    }

    private static Object truncated(double number, Object otherwise) {
        return Double.isFinite(number) ? Inputs.integer(new BigDecimal(number).toBigInteger()) : otherwise;
    }

    private static Object whole(String text, int base, Object otherwise) {
        String digits = TextEdges.strip(text, null, true, true).toLowerCase(Locale.ROOT);
        String prefix = base == 16 ? "0x" : base == 8 ? "0o" : base == 2 ? "0b" : "none";
        if (digits.startsWith(prefix)) {
            digits = digits.substring(2);
        }
        boolean underscores = digits.startsWith("_") || digits.endsWith("_") || digits.contains("__");
        if (digits.length() <= LONGEST_NUMBER && !underscores) {
            try {
                return Inputs.integer(new BigInteger(digits.replace("_", ""), base));
            } catch (NumberFormatException e) {
                // What is no whole number may still be a float, as in "1.5".
            }
        }
        Double real = parsed(text);
        return real == null ? otherwise : truncated(real, otherwise);
    }

    private static Object real(Object value, Arguments in, Run run) {
        Object otherwise = in.bind(run, "the filter \"float\"", "default").or("default", 0.0);
        return switch (value) {
            case Undefined undefined -> throw undefined.used(run);
            case String text -> orElse(parsed(text), otherwise);
            case Markup markup -> orElse(parsed(markup.text()), otherwise);
            default -> ValueKinds.isNumber(value) ? Numbers.real(value) : otherwise;
        };
    }

    private static Object orElse(@Nullable Double value, Object otherwise) {
        return value != null ? value : otherwise;
    }

    /** A float as Python's {@code float()} reads it, or null. */
    private static @Nullable Double parsed(String text) {
        String digits = TextEdges.strip(text, null, true, true).toLowerCase(Locale.ROOT);
        if (digits.length() > LONGEST_NUMBER) {
            return null;
        }
        if (SPECIAL.matcher(digits).matches()) {
            double size = digits.contains("nan") ? Double.NaN : Double.POSITIVE_INFINITY;
            return digits.startsWith("-") ? -size : size;
        }
        return REAL.matcher(digits).matches() ? Double.valueOf(digits.replace("_", "")) : null;
    }
}
