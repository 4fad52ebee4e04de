package dev.lowrank.engine.template;

import java.util.Iterator;
import java.util.List;
import java.util.Map;

/** Operators on values, with Python's rules; {@link Numbers} does the calculating. */
final class Operators {
    private Operators() {}

    static Object arithmetic(String operator, Object left, Object right, Run run) {
        refuseUndefined(left, run);
        refuseUndefined(right, run);
        if (ValueKinds.isNumber(left) && ValueKinds.isNumber(right)) {
            return Numbers.calculate(operator, left, right, run);
        }
        return switch (operator) {
            case "+" -> add(left, right, run);
            case "*" -> multiply(left, right, run);
            case "%" -> percent(left, right, run);
            default -> throw unsupported(operator, left, right, run);
        };
    }

    private static Object percent(Object left, Object right, Run run) {
        if (left instanceof String text) {
            return PercentFormat.format(text, right, run);
        }
        throw unsupported("%", left, right, run);
    }

    private static void refuseUndefined(Object value, Run run) {
        if (value instanceof Undefined undefined) {
            throw undefined.used(run);
        }
    }

    private static TemplateException unsupported(String operator, Object left, Object right, Run run) {
        String remedy = operator.equals("+") ? "; join texts with ~" : "; convert one of them with a filter";
        return run.fail("\"%s\" does not work between %s and %s%s."
                .formatted(operator, ValueKinds.described(left), ValueKinds.described(right), remedy));
    }

    private static Object add(Object left, Object right, Run run) {
        if (left instanceof Markup || right instanceof Markup) {
            return addMarkup(left, right, run);
        }
        if (left instanceof String a && right instanceof String b) {
            run.text((long) a.length() + b.length());
            return a + b;
        }
        boolean tuples = left instanceof Tuple && right instanceof Tuple;
        boolean lists = isPlainList(left) && isPlainList(right);
        if (left instanceof List<?> a && right instanceof List<?> b && (tuples || lists)) {
            List<Object> joined = Sequences.list(a, run);
            joined.addAll(Sequences.list(b, run));
            return tuples ? Tuple.copyOf(joined) : joined;
        }
        throw unsupported("+", left, right, run);
    }

    private static boolean isPlainList(Object value) {
        return value instanceof List<?> && !(value instanceof Tuple) && !(value instanceof Range);
    }

    private static Object addMarkup(Object left, Object right, Run run) {
        if (!isText(left) || !isText(right)) {
            throw unsupported("+", left, right, run);
        }
        String a = markup(left);
        String b = markup(right);
        run.text((long) a.length() + b.length());
        return new Markup(a + b);
    }

    static boolean isText(Object value) {
        return value instanceof String || value instanceof Markup;
    }

    private static String markup(Object text) {
        return text instanceof Markup markup
                ? markup.text()
                : Markup.escaped((String) text).text();
    }

    private static Object multiply(Object left, Object right, Run run) {
        Object repeated = ValueKinds.isNumber(left) ? right : left;
        Object count = ValueKinds.isNumber(left) ? left : right;
        Long times = Numbers.whole(count);
        if (times == null) {
            throw unsupported("*", left, right, run);
        }
        long factor = Math.clamp(times, 0, Integer.MAX_VALUE);
        return switch (repeated) {
            case String text -> repeat(text, factor, run);
            case Markup markup -> new Markup(repeat(markup.text(), factor, run));
            case Range range -> throw unsupported("*", left, right, run);
            case List<?> list -> repeat(list, factor, run);
            default -> throw unsupported("*", left, right, run);
        };
    }

    private static String repeat(String text, long times, Run run) {
        run.text(text.length() * times);
        return text.repeat((int) times);
    }

    private static Object repeat(List<?> list, long times, Run run) {
        run.elements(list.size() * times);
        Object[] items = new Object[(int) (list.size() * times)];
        for (int i = 0; i < items.length; i++) {
            items[i] = list.get(i % list.size());
        }
        Tuple repeated = Tuple.of(items);
        return list instanceof Tuple ? repeated : Sequences.list(repeated, run);
    }

    static Object signed(boolean negative, Object value, Run run) {
        refuseUndefined(value, run);
        if (!ValueKinds.isNumber(value)) {
            throw run.fail(
                    "a sign stands before %s; use it before numbers only.".formatted(ValueKinds.described(value)));
        }
        if (value instanceof Double number) {
            return negative ? -number : number;
        }
        return Numbers.calculate(negative ? "-" : "+", 0L, value, run);
    }

    static boolean holds(String operator, Object left, Object right, Run run) {
        return switch (operator) {
            case "==" -> same(left, right, run);
            case "!=" -> !same(left, right, run);
            case "<" -> compare(left, right, run) < 0;
            case "<=" -> compare(left, right, run) <= 0;
            case ">" -> compare(left, right, run) > 0;
            case ">=" -> compare(left, right, run) >= 0;
            case "in" -> contains(right, left, run);
            case "not in" -> !contains(right, left, run);
            default -> throw new IllegalArgumentException(operator);
        };
    }

    static boolean contains(Object container, Object item, Run run) {
        return switch (container) {
            case String text -> containsText(text, item, run);
            case Markup markup -> containsText(markup.text(), item, run);
            case Map<?, ?> map -> ContainerMethods.holds(map, item, run);
            default -> {
                for (Iterator<Object> items = Sequences.iterate(container, run); items.hasNext(); ) {
                    run.step(1);
                    if (same(items.next(), item, run)) {
                        yield true;
                    }
                }
                yield false;
            }
        };
    }

    private static boolean containsText(String text, Object part, Run run) {
        if (!isText(part)) {
            throw run.fail(
                    "%s is looked for in a text; only a text can be in a text.".formatted(ValueKinds.described(part)));
        }
        String wanted = PythonText.str(part, run);
        run.search(text, wanted);
        return text.contains(wanted);
    }

    static boolean same(Object left, Object right, Run run) {
        return Comparison.same(left, right, 0, run);
    }

    static int compare(Object left, Object right, Run run) {
        refuseUndefined(left, run);
        refuseUndefined(right, run);
        return Comparison.compare(left, right, 0, run);
    }
}
